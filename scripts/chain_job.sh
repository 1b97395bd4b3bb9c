#!/usr/bin/env bash
# A job of the chain that submit_chain.sh submits: run a command, and go on after the time limit.
#
#   chain_job.sh FOLDER COMMAND [ARGUMENT...]
#
# FOLDER   the experiment's folder: what the command finishes appears in it
# COMMAND  a command that goes on where it was when it is started again
#
# Near the time limit the scheduler sends SIGUSR1. The command is ended (SIGTERM; a training finishes its iteration and
# keeps it), and the job goes back into the queue if it finished anything at all. It goes there too where the scheduler
# itself ended the command, which then exits with 75. Else the exit status is the command's; under Grid Engine 100
# instead of every failure.
set -euo pipefail

folder=$1
shift
began=$(date +%s)
program=
limit=

# Grid Engine lets a job wait for another one, but not for its success, save that one exits with 100:
# it is then in error state, and those that wait for it stay on hold.
end() { # STATUS
    if (($1 != 0)) && [[ -z ${SLURM_JOB_ID:-} && -n ${JOB_ID:-} ]]; then
        exit 100
    fi
    exit "$1"
}

# A checkpoint, the state that an ended training left, or a volume predicted, labelled or scored. Names of what is not whole yet begin with a dot.
finished_something() {
    [[ -n $(find "$folder"/train/{checkpoints,resume} "$folder"/{val,test}/{processed,instanced,evaluated} \
        -name '.*' -prune -o -type f -newermt "@$began" -print -quit 2>/dev/null) ]]
}

at_the_limit() {
    if ! finished_something; then
        echo "The time limit came before anything was finished, so that starting again would not help. Give the job" \
            "more time and submit the chain again." >&2
        end 1
    fi
    back_into_the_queue "The time limit is near"
}

back_into_the_queue() { # REASON
    echo "$1: back into the queue, to go on from what is finished."
    if [[ -n ${SLURM_JOB_ID:-} ]]; then
        scontrol requeue "$SLURM_JOB_ID" || end 1
    fi
    # To Grid Engine this status says to put the job back; SLURM has done so, and does not look at it any more.
    exit 99
}

trap 'trap "" USR1; limit=yes; kill -TERM "$program" 2>/dev/null || true' USR1
# Lines reach the log when they are said, and are not lost when the command is ended.
PYTHONUNBUFFERED=1 "$@" &
program=$!
status=0
wait "$program" || status=$?
if [[ -n $limit ]]; then
    # The signal ended the wait; the command may have come to its own end all the same.
    status=0
    wait "$program" || status=$?
    if ((status != 0)); then
        at_the_limit
    fi
fi
if ((status == 75)); then
    back_into_the_queue "The command was ended"
fi
end "$status"
