#!/bin/bash
# Looks as if it handled USR1, and dies of it: for the sake of its EXIT trap bash catches every signal that ends it.
trap 'echo gone' EXIT
mkfifo "$PWD/nothing.$SLURM_JOB_ID"
exec 3<>"$PWD/nothing.$SLURM_JOB_ID"
echo begun
read -r -t 600 -u 3
