#!/bin/bash
# A worker of a study on a Slurm cluster; as an array, several. They share the study's directory: each runs
# trials that nobody else runs, waits for the others, and prints the report.
#
#     sbatch --array=1-8 --cpus-per-task=16 --time=8:00:00 clusters/slurm.sh \
#         target/release/lm-bench study --data DATA --preset small --out DIRECTORY
#
# (GPUs: also `--gpus-per-task=1`, and `--device tch:cuda:0` after `study`.) DIRECTORY, and the cache of
# prepared data, must be on a file system that all nodes see. At the time limit a worker writes checkpoints
# and goes back into the queue, as after a preemption or a failed node; `scancel` ends it for good, and
# another `sbatch` resumes.
#SBATCH --job-name=scaling
#SBATCH --ntasks=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
set -u
if [ $# = 0 ]; then
  echo "usage: sbatch clusters/slurm.sh COMMAND, such as: target/release/lm-bench study --out DIRECTORY" >&2
  exit 2
fi

"$@" &
worker=$!
out_of_time=
trap 'out_of_time=yes; kill -TERM "$worker"' USR1
# Slurm sends this to all processes of a job, and kills what is left as soon as this one ends; a second signal
# would hurry the worker.
trap : TERM
wait "$worker"
code=$?
# A signal ends `wait` early, with a code of its own.
while kill -0 "$worker" 2> /dev/null; do
  wait "$worker"
  code=$?
done

# 143: before the worker had begun to listen.
if [ -n "$out_of_time" ] && { [ "$code" = 130 ] || [ "$code" = 143 ]; }; then
  # By this name, since the number of an array's last job is also that of the whole array.
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
