#!/usr/bin/env bash
# Runs as root on the server, in the folder that bench/auditors packs; writes the auditors' results to results.tar.gz.
# It calls itself as `run judge GUIDE PROFILE [OPTION...]`, for as many profiles at a time as the server has processors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly RESULTS=$PWD/results

main() {
  mkdir "$RESULTS"
  profiles | xargs --max-lines=1 --max-procs="$(nproc)" "$PWD/run" judge
  (cd lynis && ./lynis audit system --cronjob --profile ./default.prf --report-file "$RESULTS/lynis.dat" --logfile "$RESULTS/lynis.log") \
    >"$RESULTS/lynis.txt"
  said lynis
  if [[ -d docker-bench ]]; then
    (cd docker-bench && bash docker-bench-security.sh -b -l "$RESULTS/docker-bench") >"$RESULTS/docker-bench.txt"
    said docker-bench
  fi
  tar --create --gzip --file results.tar.gz results
}

# Prints, for each profile that OpenSCAP checks, what follows `judge`.
profiles() {
  local guide profile
  for guide in content/*.xml; do
    guide=$(basename "$guide" .xml)
    grep -oP ' extends="\K[^"]+' "tailoring/$guide.xml" | sed "s/^/$guide /"
    # The largest profile once more with the tailoring, as an auditor would who has received it.
    profile=$(grep -oP '<Profile id="\K[^"]+' "tailoring/$guide.xml" | tail -n 1)
    echo "$guide $profile --tailoring-file tailoring/$guide.xml"
  done
}

# judge GUIDE PROFILE [OPTION...]; oscap exits with 2 when the server fails a rule, which is no error of oscap.
judge() {
  local guide=$1 profile=$2
  shift 2
  ./oscap xccdf eval "$@" --profile "$profile" --results "$RESULTS/$profile.xml" "content/$guide.xml" >"$RESULTS/$profile.txt" ||
    [[ $? -eq 2 ]]
  said "$profile"
}

said() {
  echo "$1: done after $SECONDS s"
}

"${@:-main}"
