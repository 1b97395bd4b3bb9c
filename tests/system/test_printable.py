"""Names that other people give to files, in messages, on the terminal and in logs."""

import io
import logging
import os
import pickle
from pathlib import Path

import pytest
from rich.console import Console

from auxcpvloss import arguments
from auxcpvloss.looking.compare import command
from auxcpvloss.looking.handover import serve
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.printable import for_spreadsheet, from_spreadsheet, printable
from auxcpvloss.system.terminal import Terminal, logging_to

BAD = "a\nb\r\x1b[2Jc\td\x07\x9b\u202e\u2028\udcff\0"
SHOWN = r"a\nb\r\x1b[2Jc\td\x07\x9b\u202e\u2028\udcff\x00"


def test_what_cannot_be_printed_is_escaped_and_the_rest_stays():
    assert printable(BAD) == SHOWN
    assert printable("µm, 5 × 3, Zellkerne_äöü.tif, 核") == "µm, 5 × 3, Zellkerne_äöü.tif, 核"


@pytest.mark.parametrize("kind", [InputError, StageError])
def test_a_message_has_the_lines_that_it_was_given(kind):
    error = kind(f"{BAD}: damaged.", "Run the stage prepare.")
    assert str(error) == f"{SHOWN}: damaged.\nRun the stage prepare."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("parser", [arguments.parser, command.parser, serve._parser])
def test_arguments_are_not_shown_raw(parser, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["folder", "--such", BAD, *(["-d", "all"] if parser is arguments.parser else [])])
    error = capsys.readouterr().err
    assert SHOWN in error.splitlines()[-1]
    assert BAD not in error


def test_nothing_raw_reaches_the_terminal_or_the_log(tmp_path, monkeypatch):
    # pytest keeps what is logged, raw, and its parallel processes cannot send that.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    terminal = Terminal(Console(file=io.StringIO(), force_terminal=True, width=200, highlight=False))
    with logging_to(tmp_path / "run.log", "info"):
        terminal.say(BAD)
        terminal.warn(BAD)
        terminal.table(BAD, ("name", BAD), [(BAD, BAD)])
        with terminal.progress("scoring", 2) as bar:
            bar.update(1, BAD)
        logging.getLogger("other").error("%s", BAD)
    shown, log = terminal.console.file.getvalue(), (tmp_path / "run.log").read_text()
    for text in (shown, log):
        assert SHOWN in text
        assert BAD not in text
        assert not set("\x07\x9b\u202e\u2028\udcff\0") & set(text)
        assert "\x1b[2J" not in text
    assert len(log.splitlines()) == 3


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@SUM(A1)", "\t=1", "\r=1", "--", "-", "＝1", "=-0.5", "-1;2"])
def test_a_name_is_no_formula_in_a_spreadsheet(name):
    assert for_spreadsheet(name) == f"'{name}"
    assert from_spreadsheet(for_spreadsheet(name)) == name


@pytest.mark.parametrize("cell", ["-0.5", "+1e-3", "-inf", -0.5, 3, None, True, "a", "a=b", "'a", "'", ""], ids=repr)
def test_numbers_and_other_names_stay(cell):
    assert for_spreadsheet(cell) == cell
    assert not isinstance(cell, str) or from_spreadsheet(cell) == cell


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_a_log_that_is_no_file_is_named(tmp_path, make):
    make(tmp_path / "run.log")
    with pytest.raises(InputError, match=r"run\.log: not a file"), logging_to(tmp_path / "run.log", "info"):
        pass
