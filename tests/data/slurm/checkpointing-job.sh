#!/bin/bash
# Trains nothing, but saves itself on USR1 as Megatron does: all shards first, the tracker file last.
# Every save is beyond the last one. Ends by itself after ten minutes, should nobody end it.
checkpoints=$PWD/checkpoints
iteration=100
save() {
  iteration=$((iteration + 10))
  local name
  name=$(printf 'iter_%07d' "$iteration")
  mkdir -p "$checkpoints/$name/mp_rank_00"
  head -c 65536 /dev/zero > "$checkpoints/$name/mp_rank_00/model_optim_rng.pt"
  printf '%d' "$iteration" > "$checkpoints/latest_checkpointed_iteration.txt"
  echo "saved $iteration"
}
trap save USR1
trap 'exit 143' TERM
save
# bash runs a trap only between commands, so it waits in short steps, and without a child that would have to be ended
mkfifo "$PWD/nothing.$SLURM_JOB_ID"
exec 3<>"$PWD/nothing.$SLURM_JOB_ID"
echo "begun restart=${SLURM_RESTART_COUNT:-0} gpus=${CUDA_VISIBLE_DEVICES:-none}"
while [ "$SECONDS" -lt 600 ]; do read -r -t 0.2 -u 3; done
