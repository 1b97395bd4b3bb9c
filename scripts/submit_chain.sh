#!/usr/bin/env bash
# Submit an experiment to a cluster as a chain of jobs, each held until the one before it has succeeded:
#
#   train     GPU  prepare, mknet, train, and the predictions of validate_checkpoints
#   validate  CPU  the rest of validate_checkpoints: label, evaluate, select
#   test      GPU  predict, label and evaluate the test volumes with what was selected, and report
#
#   scripts/submit_chain.sh [OPTION...] -- ARGUMENT...
#
# ARGUMENT...            arguments of run_auxcpvloss.py, without -d: -a l1 -s setup_l1_07_3class_cpv, say
#
#   --print              show the commands; submit nothing, write nothing
#   --slurm, --sge       the scheduler; default: SLURM where sbatch is found, else Grid Engine where qsub is
#   --seeds N...         a chain for each seed, after a CPU job that prepares the volumes once
#   --train OPTIONS      what the job asks the scheduler for, instead of the default; also CHAIN_TRAIN
#   --validate OPTIONS   the same; also CHAIN_VALIDATE
#   --test OPTIONS       the same; also CHAIN_TEST
#   --all OPTIONS        options for every job besides, account or partition, say; also CHAIN_ALL
#   --python FILE        default: .venv/bin/python of the checkout, else python on the PATH; also CHAIN_PYTHON
#
# OPTIONS is one word to the shell ('--gres=gpu:1 --time=8:00:00') and split at spaces. docs/hpc.md has the rest.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scheduler=
print=
seeds=()
python=${CHAIN_PYTHON:-}
declare -A asked=(
    [train]=${CHAIN_TRAIN:-} [validate]=${CHAIN_VALIDATE:-} [test]=${CHAIN_TEST:-} [all]=${CHAIN_ALL:-}
)
arguments=()
submitted=() # ids
jobs=()      # ids and names, for people

refuse() { # MESSAGE...
    echo "$*" >&2
    exit 2
}

parse() {
    while (($#)); do
        case $1 in
            -h | --help)
                sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
                exit 0
                ;;
            --slurm | --sge) scheduler=${1#--} ;;
            --print) print=yes ;;
            --seeds)
                while [[ ${2:-} =~ ^[0-9]+$ ]]; do
                    seeds+=("$2")
                    shift
                done
                ((${#seeds[@]})) || refuse "--seeds: give one or more numbers, 0 or larger."
                ;;
            --train | --validate | --test | --all | --python)
                (($# > 1)) || refuse "$1: its value is missing."
                if [[ $1 == --python ]]; then python=$2; else asked[${1#--}]=$2; fi
                shift
                ;;
            --)
                arguments=("${@:2}")
                return
                ;;
            *) refuse "$1: no such option. Arguments of run_auxcpvloss.py come after --; see --help." ;;
        esac
        shift
    done
}

check_arguments() {
    local argument
    ((${#arguments[@]})) || refuse "No experiment given. Give -- and the arguments of run_auxcpvloss.py; see --help."
    for argument in "${arguments[@]}"; do
        case $argument in
            -d* | --do | --do=* | --dry-run | --term_after_predict | --test-checkpoint* | --checkpoint*)
                refuse "$argument: the chain gives the stages and what goes with them; leave it out."
                ;;
            --seed | --seed=*)
                ((${#seeds[@]} == 0)) || refuse "$argument: leave it out, or --seeds."
                ;;
        esac
    done
}

choose_scheduler() {
    if [[ -n $scheduler ]]; then
        return
    elif command -v sbatch >/dev/null; then
        scheduler=slurm
    elif command -v qsub >/dev/null && [[ -n ${SGE_ROOT:-} ]]; then
        scheduler=sge
    elif [[ -n $print ]]; then
        scheduler=slurm
    elif command -v qsub >/dev/null; then
        refuse "qsub is found, but SGE_ROOT is not set: PBS? Give --sge if it is Grid Engine."
    else
        refuse "Neither sbatch nor qsub is found. Run this where jobs are submitted, or with --print."
    fi
}

choose_python() {
    if [[ -z $python && -x $repository/.venv/bin/python ]]; then
        python=$repository/.venv/bin/python
    fi
    # A job may start with another PATH.
    python=$(command -v "${python:-python}") ||
        refuse "No Python: make .venv in $repository (README), activate an environment, or give --python."
    [[ $python == /* ]] || python=$PWD/$python
}

# Set `folder`, that of the experiment, and `by_scheme`, the stages that its scheme of denoising adds, by a dry run: bad
# arguments are refused before a job waits for hours to refuse them.
plan_experiment() { # ARGUMENT...
    local plan
    plan=$(env -u FORCE_COLOR "$python" "$repository/run_auxcpvloss.py" "$@" -d all --dry-run) ||
        refuse "Nothing was submitted: run_auxcpvloss.py refuses these arguments."
    folder=$(sed -n 's|^mknet  *would do: [^ ]* -> \(.*\)/train$|\1|p' <<<"$plan")
    [[ -n $folder ]] || refuse "No folder of the experiment in the plan of run_auxcpvloss.py --dry-run."
    read -r -a by_scheme <<<"$(sed -n 's/^\(pretrain\|denoise\)  *would do: .*/\1/p' <<<"$plan" | tr '\n' ' ')"
}

default_request() { # JOB
    case $scheduler-$1 in
        slurm-train) echo "--gres=gpu:1 --cpus-per-task=12 --mem=48G --time=24:00:00" ;;
        slurm-validate) echo "--cpus-per-task=2 --mem=16G --time=12:00:00" ;;
        slurm-test) echo "--gres=gpu:1 --cpus-per-task=4 --mem=32G --time=04:00:00" ;;
        # Memory is left to the site: h_vmem counts what CUDA only reserves.
        # At s_rt the job is told to end and go back into the queue, at h_rt it is killed.
        sge-train) echo "-l gpu=1 -pe smp 12 -l s_rt=24:00:00,h_rt=24:05:00" ;;
        sge-validate) echo "-pe smp 2 -l s_rt=12:00:00,h_rt=12:05:00" ;;
        sge-test) echo "-l gpu=1 -pe smp 4 -l s_rt=04:00:00,h_rt=04:05:00" ;;
    esac
}

# Set `command`: the scheduler's, with all of its options.
scheduler_command() { # NAME LOGS AFTER OPTION...
    local name=$1 logs=$2 after=$3
    shift 3
    if [[ $scheduler == slurm ]]; then
        # In the name of a log, % begins a pattern.
        command=(sbatch --parsable "--job-name=$name" "--output=${logs//%/%%}/%x.%j.log" --open-mode=append
            "--chdir=$PWD" --requeue --signal=B:USR1@120)
        [[ -z $after ]] || command+=("--dependency=afterok:$after" --kill-on-invalid-dep=yes)
    else
        command=(qsub -terse -N "$name" -o "$logs" -j y -cwd -S /bin/bash -r y)
        [[ -z $after ]] || command+=(-hold_jid "$after")
    fi
    command+=("$@")
}

# Submit a job, or show how, and set `id`.
submit() { # JOB REQUEST FOLDER AFTER ARGUMENT...
    local folder=$3 name=$1-${3##*/} logs=${3%/*}/logs words command
    local run=("$repository/scripts/chain_job.sh" "$folder" "$python" "$repository/run_auxcpvloss.py" "${@:5}")
    # What either scheduler takes for the name of a job.
    name=${name//[^A-Za-z0-9_.-]/_}
    read -r -a words <<<"${asked[$2]:-$(default_request "$2")} ${asked[all]}"
    scheduler_command "$name" "$logs" "$4" "${words[@]}"
    if [[ -n $print ]]; then
        printf '%q ' "${command[@]}"
        printf '\\\n   '
        printf ' %q' "${run[@]}"
        printf '\n'
        id=ID_OF_$name
        return
    fi
    mkdir -p "$logs"
    id=$("${command[@]}" "${run[@]}") || stopped "$name"
    # sbatch adds ";cluster" where there are several.
    id=${id%%;*}
    [[ $id =~ ^[0-9]+$ ]] || stopped "$name" "It answered: $id"
    submitted+=("$id")
    jobs+=("$id ($name)")
    echo "$id  $name  log in $logs"
}

stopped() { # NAME [MESSAGE]
    local cancel=scancel
    [[ $scheduler == slurm ]] || cancel="qdel"
    echo "The scheduler did not take the job $1. ${2:-}" >&2
    if ((${#submitted[@]})); then
        echo "Submitted already: ${jobs[*]}. To cancel: $cancel ${submitted[*]}" >&2
    fi
    exit 1
}

submit_chain() { # FOLDER AFTER ARGUMENT...
    local folder=$1 after=$2
    shift 2
    submit train train "$folder" "$after" "$@" \
        --term_after_predict -d prepare "${by_scheme[@]}" mknet train validate_checkpoints
    submit validate validate "$folder" "$id" "$@" -d validate_checkpoints
    submit test test "$folder" "$id" "$@" --test-checkpoint best -d predict label evaluate report
}

parse "$@"
check_arguments
choose_scheduler
choose_python
if ((${#seeds[@]} == 0)); then
    plan_experiment "${arguments[@]}"
    submit_chain "$folder" "" "${arguments[@]}"
    exit
fi
folders=()
for seed in "${seeds[@]}"; do
    plan_experiment "${arguments[@]}" --seed "$seed"
    for other in "${folders[@]}"; do
        [[ $folder != "$other" ]] || refuse "--seeds: two chains in one folder, $folder. Leave out -id; give a seed once."
    done
    folders+=("$folder")
done
# Chains that start together would write the same prepared volumes.
submit prepare validate "${folders[0]}" "" "${arguments[@]}" --seed "${seeds[0]}" -d prepare
prepared=$id
for number in "${!seeds[@]}"; do
    submit_chain "${folders[number]}" "$prepared" "${arguments[@]}" --seed "${seeds[number]}"
done
