#!/usr/bin/env bash
# sbatch docs/slurm.sh CONFIG WORKDIR: one worker process for each machine, all of its GPUs.
#SBATCH --job-name=fosc_tf
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --requeue
set -euo pipefail

# --kill-on-bad-exit: workers wait for each other, so that one alone must not stay behind.
srun --kill-on-bad-exit=1 python main.py --config="$1" --workdir="$2" \
  --config.distribution=multi_worker --config.checkpoint.every_steps=100 || {
  code=$?
  # 2 is a mistake in the command or the cluster, or a NaN: another start would only repeat it.
  if [ "$code" -eq 2 ] || [ "${SLURM_RESTART_COUNT:-0}" -ge 10 ]; then
    exit "$code"
  fi
  scontrol requeue "$SLURM_JOB_ID"
}
