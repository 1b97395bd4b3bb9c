"use strict";

// Tables: a click, or Enter, on a heading sorts by that column.
for (const table of document.querySelectorAll("table")) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  headings.forEach((heading, column) => {
    const isNumeric = [...body.rows].some((row) => row.cells[column]?.dataset.value);
    heading.classList.toggle("numeric", isNumeric);
    heading.querySelector("button")?.addEventListener("click", () => {
      const wasUp = heading.getAttribute("aria-sort") === "ascending";
      const isUp = heading.hasAttribute("aria-sort") ? !wasUp : !isNumeric;
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", isUp ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [row, row.cells[column].dataset.value ?? row.cells[column].textContent]);
      rows.sort(([, one], [, other]) => compare(one, other, isUp ? 1 : -1));
      body.append(...rows.map(([row]) => row));
    });
  });
}

function compare(one, other, direction) {
  // A cell without a value is last, in either direction; text that begins with a number goes by it.
  const isEmpty = (text) => text === "" || text === "–";
  if (isEmpty(one) || isEmpty(other)) return isEmpty(one) - isEmpty(other);
  const difference = Number.parseFloat(one) - Number.parseFloat(other);
  return direction * (difference || one.localeCompare(other, "en", { numeric: true }));
}

// What is folded is printed, too.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));

const source = document.getElementById("cases");
if (source) showAtlas(JSON.parse(source.textContent));

function showAtlas({ cases, voxels, symbols }) {
  const STEP = 24;
  const find = (id) => document.getElementById(id);
  const [form, cards, more, dialog] = ["filters", "cards", "more", "enlarged"].map(find);
  const section = find("errors");
  let chosen = [], visible = STEP, current = 0;

  for (const input of form.elements.kind) {
    const number = cases.filter((each) => !input.value || each.kind === input.value).length;
    input.nextElementSibling.append(` (${number})`);
    input.disabled = !number;
  }

  function choose() {
    const { kind, volume, order } = form.elements;
    const [key, direction] = order.value.split("-");
    const sign = direction === "up" ? 1 : -1;
    chosen = cases
      .filter((each) => (!kind.value || each.kind === kind.value) && (!volume.value || each.volume === volume.value))
      .sort((one, other) => sign * ((one[key] ?? 0) - (other[key] ?? 0)));
    visible = STEP;
    cards.replaceChildren();
    fill();
  }

  function fill() {
    for (let number = cards.children.length; number < Math.min(visible, chosen.length); number += 1) {
      const item = document.createElement("li");
      item.append(card(chosen[number], number));
      cards.append(item);
    }
    find("count").textContent = chosen.length
      ? `${cards.children.length} of ${chosen.length} errors are shown.`
      : "There are no such errors.";
    more.hidden = cards.children.length >= chosen.length;
  }

  function card(each, number) {
    const button = make("button", { type: "button", class: "card" });
    const name = make("span", { class: "name" });
    name.append(make("i", { class: "dot", "data-kind": each.kind }), each.kind);
    const lines = [each.volume, size(each), density(each)].filter(Boolean).map((text) => make("small", {}, text));
    button.append(view(each), name, ...lines);
    button.addEventListener("click", () => enlarge(number));
    return button;
  }

  function enlarge(number) {
    current = number;
    const each = chosen[number];
    const title = find("enlarged-title");
    title.replaceChildren(make("i", { class: "dot", "data-kind": each.kind }), each.kind);
    find("enlarged-picture").replaceChildren(view(each));
    const [z, y, x] = each.center;
    const facts = {
      Volume: each.volume,
      Why: each.why,
      "Ids in the ground truth": each.truth.join(", "),
      "Ids in the result": each.result.join(", "),
      "Center (z, y, x) in voxels": `${z}, ${y}, ${x}`,
      Size: size(each),
      "Local density": density(each),
    };
    const list = find("enlarged-facts");
    list.replaceChildren();
    for (const [name, value] of Object.entries(facts)) {
      if (value) list.append(make("dt", {}, name), make("dd", {}, value));
    }
    find("enlarged-place").textContent = `${number + 1} of ${chosen.length}`;
    find("previous").disabled = number === 0;
    find("next").disabled = number === chosen.length - 1;
    if (!dialog.open) dialog.showModal();
  }

  function go(by) {
    if (current + by >= 0 && current + by < chosen.length) enlarge(current + by);
  }

  function setLook() {
    section.classList.toggle("plain", !form.elements.outlines.checked);
    section.style.setProperty("--brightness", form.elements.brightness.value);
  }

  function size({ size: voxelCount, volume }) {
    if (voxelCount === null) return "";
    const one = voxels[volume].reduce((product, each) => product * each, 1);
    const symbol = symbols[volume];
    const cubic = symbol === "units" ? "cubic units" : `${symbol}³`;
    const physical = symbol === "voxels" ? "" : ` (${nicely(voxelCount * one)} ${cubic})`;
    return `${voxelCount.toLocaleString("en")} voxel${voxelCount === 1 ? "" : "s"}${physical}`;
  }

  function density({ neighbours }) {
    return `${neighbours} nucle${neighbours === 1 ? "us" : "i"} around`;
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => (["outlines", "brightness"].includes(event.target.name) ? setLook() : choose()));
  more.addEventListener("click", () => {
    const first = cards.children.length;
    visible += STEP;
    fill();
    cards.children[first].firstElementChild.focus();
  });
  find("previous").addEventListener("click", () => go(-1));
  find("next").addEventListener("click", () => go(1));
  find("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) { event.preventDefault(); go(by); }
  });
  dialog.addEventListener("close", () => {
    visible = Math.max(visible, current + 1);
    fill();
    cards.children[current]?.firstElementChild.focus();
  });
  addEventListener("keydown", (event) => {
    const isTyping = event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select");
    if (event.key !== "o" || isTyping) return;
    form.elements.outlines.checked = !form.elements.outlines.checked;
    setLook();
  });
  for (const button of document.querySelectorAll(".show")) {
    button.addEventListener("click", () => {
      form.elements.kind.value = button.dataset.kind;
      form.elements.volume.value = button.dataset.volume;
      choose();
      find("errors").scrollIntoView();
      cards.querySelector("button")?.focus({ preventScroll: true });
    });
  }
  choose();

  // A view: the planes xy, zy (to the right) and xz (below), raw data with outlines or points upon it.
  function view(each) {
    const { side: n, margin, planar } = each;
    const across = planar ? n : 2 * n;
    const inner = n - 2 * margin;
    const corners = planar ? [[0, 0]] : [[0, 0], [n, 0], [0, n]];
    const box = `${margin} ${margin} ${across - 2 * margin} ${across - 2 * margin}`;
    const svg = draw("svg", { class: "view", viewBox: box, role: "img", "aria-label": `${each.kind} in ${each.volume}: ${each.why}` });
    const clip = draw("clipPath", { id: `planes-${(view.count = (view.count ?? 0) + 1)}` });
    const content = draw("g", { "clip-path": `url(#${clip.id})` });
    for (const [x, y] of corners) clip.append(draw("rect", { x: x + margin, y: y + margin, width: inner, height: inner }));
    content.append(draw("image", { href: each.image, width: across, height: across, preserveAspectRatio: "none" }));
    const classes = ["truth", "truth asked", "result", "result asked"];
    each.outlines.forEach((path, number) => { if (path) content.append(draw("path", { class: classes[number], d: path })); });
    for (const point of each.points) content.append(mark(point, n / 40));
    const tick = inner / 14;
    for (const [x, y] of corners) {
      const [left, top, middle, end] = [x + margin, y + margin, n / 2, inner];
      content.append(draw("path", {
        class: "tick",
        d: `M${left} ${y + middle}h${tick}M${left + end} ${y + middle}h${-tick}M${x + middle} ${top}v${tick}M${x + middle} ${top + end}v${-tick}`,
      }));
    }
    ["xy", "zy", "xz"].slice(0, corners.length).forEach((name, plane) => {
      const [x, y] = corners[plane];
      const letters = (planar ? n / 2 : n) / 13;
      content.append(draw("text", { class: "on-image", x: x + margin + 1, y: y + margin + letters, "font-size": letters }, name));
    });
    svg.append(draw("defs", {}), content, scaleBar(each));
    svg.firstElementChild.append(clip);
    return svg;
  }

  function mark([kind, x, y], radius) {
    const isWrong = kind === "FP" || kind === "FN";
    const isResult = kind === "FP" || kind === "result";
    const r = isWrong ? 1.6 * radius : radius;
    const ring = `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
    const cross = `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x - r} ${y + r}l${2 * r} ${-2 * r}`;
    return draw("path", { class: `mark ${isResult ? "result" : "truth"}${isWrong ? " wrong" : ""}`, d: isResult ? cross : ring });
  }

  function scaleBar({ side: n, pixel, planar, volume }) {
    const most = (n * pixel) / 2;
    const base = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((each) => each * base).find((each) => each <= most);
    const [x, y] = planar ? [n * 0.08, n * 0.93] : [n * 1.25, n * 1.5];
    const letters = (planar ? n / 2 : n) / 11;
    const group = draw("g", planar ? { class: "on-image" } : {});
    group.append(
      draw("rect", { x, y, width: length / pixel, height: letters / 4, fill: planar ? "#ffffff" : "currentColor" }),
      draw("text", { x, y: y - letters / 4, "font-size": letters, class: planar ? "on-image" : "" }, `${nicely(length)} ${symbols[volume]}`),
    );
    return group;
  }

  function nicely(number) {
    return Number(number.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
  }

  function make(name, attributes, text = "") {
    return dress(document.createElement(name), attributes, text);
  }

  function draw(name, attributes, text = "") {
    return dress(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, text);
  }

  function dress(element, attributes, text) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    return element;
  }
}
