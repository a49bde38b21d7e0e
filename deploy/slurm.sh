#!/usr/bin/env bash
# A sweep on several nodes of a Slurm cluster: Ray on every node of the job, the driver on its first.
#
#   sbatch --nodes=4 --gpus-per-node=4 deploy/slurm.sh mine.yaml --store /shared/store --data /shared/data
#
# What follows the script goes to `mubench run`. Submit with the environment of mubench active, on a file
# system that all nodes share. docs/cluster.md explains the rest. (`ray symmetric-run` does a part of this, but it
# ends all Ray processes of the user on a node, and passes no signal on.)
#SBATCH --job-name=mubench
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --output=mubench-%j.log
#SBATCH --open-mode=append
# Five minutes before the end the script is told, trainings keep a checkpoint, and the job queues again.
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
# A node that dies takes no other with it.
#SBATCH --no-kill
set -euo pipefail

export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
token="${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}"
port=$((20000 + SLURM_JOB_ID % 4000 * 3)) # jobs that share a node have ports of their own

make_token() { # everybody who can read the token can run code as you
  if [[ ! -s "$token" ]]; then
    mkdir -p "$(dirname "$token")"
    (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$token.$SLURM_JOB_ID")
    mv "$token.$SLURM_JOB_ID" "$token"
  fi
  chmod 600 "$token"
  export RAY_AUTH_TOKEN_PATH="$token"
}

address_of() { # the IP address at which Slurm itself reaches a node
  local name
  name=$(scontrol --oneliner show node "$1" | sed -n 's/.* NodeAddr=\([^ ]*\).*/\1/p')
  getent ahostsv4 "$name" | awk 'NR == 1 {print $1}'
}

start_ray() { # a node, and options of `ray start`
  local node=$1
  srun --nodes=1 --ntasks=1 --nodelist="$node" --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    ray start --block --node-ip-address="$(address_of "$node")" \
    --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" "${@:2}" &
}

wait_for_head() {
  until (: <"/dev/tcp/${head%:*}/$port") 2>/dev/null; do
    if ! kill -0 "$head_pid" 2>/dev/null; then
      echo "slurm.sh: Ray did not start on ${nodes[0]}; its reason is above" >&2
      exit 1
    fi
    sleep 1
  done
}

make_token
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head="$(address_of "${nodes[0]}"):$port"
start_ray "${nodes[0]}" --head --port="$port" --dashboard-port=$((port + 1)) \
  --ray-client-server-port=$((port + 2)) --temp-dir="/tmp/ray-$SLURM_JOB_ID"
head_pid=$!
wait_for_head
for node in "${nodes[@]:1}"; do
  start_ray "$node" --address="$head"
done

mubench run "$@" --address "$head" &
driver=$!
is_time_over="" was_told=""
# shellcheck disable=SC2317,SC2329 # the traps call it
stop_driver() { # it keeps checkpoints of what is in training, and ends
  was_told=yes
  kill -TERM "$driver" 2>/dev/null || true
}
trap 'is_time_over=yes; stop_driver' USR1
trap stop_driver TERM

while
  was_told="" code=0
  wait "$driver" || code=$?
  [[ -n "$was_told" ]] # a signal ended the wait, not the driver
do :; done
if [[ -n "$is_time_over" && "$code" -ne 0 ]]; then
  echo "slurm.sh: the time is over; the job is queued again and goes on where it was"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
