#!/usr/bin/env bash
# Runs every test of the repository, from a fresh clone, on a Debian machine that has nothing but the .NET SDK.
#
#   bash tests/run.sh            the bounded slice, under 15 minutes on two cores
#   bash tests/run.sh --long     the full numbers (hours); the tests see NOTARY_LONG=1
#   bash tests/run.sh --packages only what the tests need from Debian: list, install, stop
#   bash tests/run.sh --filter X only the tests whose full name contains X
#   bash tests/run.sh --no-skips a skipped test makes the run fail (.ci/run)
#
# The last line is always `N passed, N failed, N skipped`, summed over the projects. The exit code is 0 only if
# something passed, nothing failed, and no project crashed, hung or ended without a result file.
# NOTARY_TEST_JOBS sets how many test projects run at once (default 2: the tests of one project run in parallel too).
set -u -o pipefail
exec </dev/null # no test may wait for a terminal

# package | how its presence is seen | why the tests need it
readonly NEEDED=(
  'libssl3|library libcrypto.so.3|SM2, SM4 and Ed25519 signing; the reference for the managed SM3 and SM2'
  'openssl|command openssl|checks keys, digests and signatures with a program that is not ours'
  'strace|command strace|injects a failure at each system call of a commit'
  'nodejs|command node|runs the certified OpenID client, and what else the suite checks with programs of npm'
  'npm|command npm|installs them as their lock files say'
  'postgresql|file /usr/lib/postgresql/*/bin/initdb|the store that several servers share; the tests start servers of their own, on Unix sockets'
)

usage() { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
say() { printf '%s\n' "$*"; }
end() { # passed failed skipped
  say "$1 passed, $2 failed, $3 skipped"
  [ "$1" -gt 0 ] && [ "$2" -eq 0 ] || exit 1
  [ -z "$no_skips" ] || [ "$3" -eq 0 ] || exit 1
  exit 0
}
give_up() { # one sentence; nothing ran, and the last line must not look like success
  say "error: $*"
  end 0 1 0
}

long=''
packages_only=''
filter=''
no_skips=''
while [ $# -gt 0 ]; do
  case "$1" in
    --long) long=1 ;;
    --packages) packages_only=1 ;;
    --no-skips) no_skips=1 ;;
    --filter)
      [ $# -ge 2 ] || { usage; exit 64; }
      filter=$2
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      say "unknown argument: $1"
      usage
      exit 64
      ;;
  esac
  shift
done

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# Every output is created by this run only and goes when it ends.
work=$(mktemp -d "${TMPDIR:-/tmp}/notary-tests.XXXXXXXX") || exit 1
children=()
clean_up() {
  local pid
  for pid in ${children[@]+"${children[@]}"}; do kill "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- what the machine lacks ------------------------------------------------------------------------------------
present() { # "command NAME" | "file PATTERN" | "library SONAME"
  case "$1" in
    'command '*) command -v "${1#command }" >/dev/null 2>&1 ;;
    'file '*) compgen -G "${1#file }" >/dev/null ;;
    'library '*) PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q -F "${1#library } " ;;
    *) return 1 ;;
  esac
}

list_missing() { # fills missing[]
  local entry package probe
  missing=()
  for entry in "${NEEDED[@]}"; do
    IFS='|' read -r package probe _ <<<"$entry"
    present "$probe" || missing+=("$package")
  done
}

install_missing() {
  local entry package probe reason
  say 'What the tests need from Debian:'
  for entry in "${NEEDED[@]}"; do
    IFS='|' read -r package probe reason <<<"$entry"
    if present "$probe"; then probe=present; else probe=missing; fi
    printf '  %-8s %-8s %s\n' "$package" "$probe" "$reason"
  done
  list_missing
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null 2>&1 \
    || give_up "missing: ${missing[*]}; this is not Debian, install them with this system's package manager."
  [ "$(id -u)" -eq 0 ] \
    || give_up "missing: ${missing[*]}; install them as root: apt-get update && apt-get install -y ${missing[*]}"
  say "Installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # The package lists of a bare image are empty or stale: try, refresh them, try again.
  if ! apt-get install -y --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1; then
    { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >>"$work/apt.log" 2>&1 \
      || { tail -n 30 "$work/apt.log"; give_up "apt-get could not install: ${missing[*]}"; }
  fi
  list_missing
  [ ${#missing[@]} -eq 0 ] || give_up "installed, but still not found: ${missing[*]}"
}

install_missing
[ -z "$packages_only" ] || exit 0

# --- build -----------------------------------------------------------------------------------------------------
command -v dotnet >/dev/null 2>&1 || give_up 'the .NET 10 SDK is not in PATH (https://dot.net).'
[ -n "${HOME:-}" ] || export DOTNET_CLI_HOME="$work"
export CI=true                         # locked restore, warnings as errors
export DOTNET_CLI_UI_LANGUAGE=en DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
export MSBUILDDISABLENODEREUSE=1       # no build process outlives this run and holds its output open
if [ -n "$long" ]; then export NOTARY_LONG=1; else unset NOTARY_LONG; fi

step() { # title command...: quiet when it works, everything when it does not
  local title=$1 began=$SECONDS
  shift
  if "$@" >"$work/step.log" 2>&1; then
    say "$title: $((SECONDS - began)) s"
  else
    cat "$work/step.log"
    give_up "$title failed."
  fi
}

say ''
step 'restore (locked)' dotnet restore Notary.sln --locked-mode
step 'build (Release, warnings are errors)' dotnet build Notary.sln --no-restore -c Release -warnaserror

# --- run -------------------------------------------------------------------------------------------------------
# Slow projects first, so that two at a time end together. Whatever is not named here follows.
projects=()
for name in Notary.Chain.Tests Notary.Server.Tests Notary.Cli.Tests; do
  [ -f "tests/$name/$name.csproj" ] && projects+=("$name")
done
for path in tests/*/*.csproj; do
  name=$(basename "$path" .csproj)
  case " ${projects[*]-} " in *" $name "*) ;; *) projects+=("$name") ;; esac
done

# Most processes here live for seconds: measuring their code for a later, better compilation is work that nothing gets back.
export DOTNET_TieredPGO=0

limit=840 # seconds a project may take; a test that hangs is a failure, not a wait
[ -z "$long" ] || limit=86400

run_project() { # name; leaves $work/NAME.{log,trx,rc,seconds}
  local name=$1 began=$SECONDS
  local arguments=(--no-build -c Release "tests/$name/$name.csproj"
    --results-directory "$work" --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal')
  [ -z "$filter" ] || arguments+=(--filter "FullyQualifiedName~$filter")
  # timeout leads a process group of its own and passes a signal on to all of it, test processes included.
  timeout --kill-after=20 "$limit" dotnet test "${arguments[@]}" >"$work/$name.log" 2>&1 &
  local pid=$!
  trap 'kill "$pid" 2>/dev/null' TERM
  wait "$pid"
  printf '%s\n' "$?" >"$work/$name.rc"
  printf '%s\n' "$((SECONDS - began))" >"$work/$name.seconds"
}

counter() { # attribute file: one number of the result file's <Counters …>, 0 when it is not there
  local value
  value=$(grep -o -m1 '<Counters [^>]*' "$2" 2>/dev/null | grep -o " $1=\"[0-9]*\"" | tr -dc '0-9')
  printf '%s' "${value:-0}"
}

passed=0 failed=0 skipped=0
report() { # name
  local name=$1 rc seconds p f s total note=''
  rc=$(cat "$work/$name.rc" 2>/dev/null || printf 'none')
  seconds=$(cat "$work/$name.seconds" 2>/dev/null || printf '?')
  p=$(counter passed "$work/$name.trx")
  f=$(counter failed "$work/$name.trx")
  total=$(counter total "$work/$name.trx")
  s=$((total - $(counter executed "$work/$name.trx")))
  if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
    f=$((f + 1)) note=" (stopped after $limit s)"
  elif [ "$rc" != 0 ] && [ "$f" -eq 0 ]; then
    f=1 note=" (crashed: exit $rc)"
  elif [ ! -f "$work/$name.trx" ] && [ -z "$filter" ]; then
    f=$((f + 1)) note=' (no result file)'
  elif [ "$total" -eq 0 ] && [ -z "$filter" ]; then
    f=$((f + 1)) note=' (no test was found)'
  fi
  printf '%-28s %5d passed %4d failed %4d skipped %5s s%s\n' "$name" "$p" "$f" "$s" "$seconds" "$note"
  if [ "$f" -gt 0 ]; then
    sed 's/^/    /' "$work/$name.log"
  elif [ "$s" -gt 0 ]; then
    grep -E '^ +Skipped |\[SKIP\]' "$work/$name.log"
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

jobs=${NOTARY_TEST_JOBS:-2}
case "$jobs" in '' | *[!0-9]* | 0) give_up "NOTARY_TEST_JOBS must be a number above 0, not '$jobs'." ;; esac

say ''
declare -A name_of=()
next=0
began=$SECONDS
while [ "$next" -lt "${#projects[@]}" ] || [ "${#name_of[@]}" -gt 0 ]; do
  while [ "$next" -lt "${#projects[@]}" ] && [ "${#name_of[@]}" -lt "$jobs" ]; do
    run_project "${projects[$next]}" &
    children+=("$!")
    name_of[$!]=${projects[$next]}
    say "${projects[$next]} …"
    next=$((next + 1))
  done
  finished=''
  wait -n -p finished "${!name_of[@]}"
  if [ -n "$finished" ] && [ -n "${name_of[$finished]:-}" ]; then
    report "${name_of[$finished]}"
    unset 'name_of[$finished]'
  fi
done

say ''
say "tests: $((SECONDS - began)) s, everything: $SECONDS s"
end "$passed" "$failed" "$skipped"
