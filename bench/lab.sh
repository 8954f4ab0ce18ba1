# shellcheck shell=bash
# Makes the lab that a measurement needs; sourced by the measurements here. LAB=<name> uses an existing lab and does not
# remove it.
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$0" # the comment at the top of the measurement
  exit 0
fi
MEASUREMENT=$(basename "$(realpath "$(dirname "$0")")")
readonly MEASUREMENT
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly EXISTING_LAB=${LAB:-}
export LAB=${LAB:-bench} PATH=$PWD/.venv/bin:$PATH
readonly LOG=build/bench/$MEASUREMENT.log
mkdir -p build/bench
: >"$LOG"

# Make new hosts and run on them the playbook given by the arguments; do nothing when the lab exists already.
make_lab() {
  [[ -z $EXISTING_LAB ]] || return 0
  make_hosts
  playbook "$@"
}

make_hosts() {
  python -c 'from difusor.lab.images import ensure_archives; ensure_archives()'
  playbook molecule/shared/destroy.yml
  playbook molecule/shared/create.yml
  playbook molecule/shared/prepare.yml
}

publish_corte() {
  [[ -n $EXISTING_LAB ]] || python -m difusor.lab publish "$LAB" >&2
}

# Remove the lab unless it existed before; for the EXIT trap of a measurement that makes a lab.
leave_lab() {
  [[ -n $EXISTING_LAB ]] || playbook molecule/shared/destroy.yml
}

playbook() {
  ansible-playbook -i inventories/demo "$@" >>"$LOG" 2>&1 || { tail -n 20 "$LOG" >&2; exit 1; }
}
