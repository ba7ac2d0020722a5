#!/usr/bin/env bash
# Says whether deploy/notary.service is what it should be, without installing it: every line is a known setting set once,
# the settings that protect are there, and, where systemd is installed, systemd itself accepts the file and rates its
# exposure. Prints one line a finding; exit 0 when there is none.
#
#   bash deploy/check-unit.sh [UNIT]
set -u -o pipefail

unit=${1:-$(dirname "${BASH_SOURCE[0]}")/notary.service}
[ -r "$unit" ] || { printf 'cannot read %s\n' "$unit"; exit 1; }

# section.setting=value that must stand in the unit, exactly. Weakening one is a change of this list, in the same commit.
readonly REQUIRED='
Service.CapabilityBoundingSet=
Service.LimitCORE=0
Service.LimitNOFILE=65536
Service.LockPersonality=yes
Service.MemoryDenyWriteExecute=no
Service.NoNewPrivileges=yes
Service.PrivateDevices=yes
Service.PrivateTmp=yes
Service.ProtectHome=yes
Service.ProtectSystem=strict
Service.Restart=on-failure
Service.RestartPreventExitStatus=78
Service.RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
Service.RestrictNamespaces=yes
Service.RestrictSUIDSGID=yes
Service.StateDirectory=notary
Service.SystemCallArchitectures=native
Service.UMask=0077
Service.User=notary'
# Settings that may stand more than once, because systemd adds them up.
readonly REPEATED=' Service.Environment Service.SystemCallFilter '
readonly SECTIONS=' Unit Service Install '

findings=0
found() { findings=$((findings + 1)); printf '%s\n' "$*"; }

section='' number=0
declare -A value_of=()
while IFS= read -r line || [ -n "$line" ]; do
  number=$((number + 1))
  case "$line" in
    '' | '#'* | ';'*) continue ;;
    '['*']')
      section=${line#[}
      section=${section%]}
      case "$SECTIONS" in *" $section "*) ;; *) found "line $number: unknown section $section" ;; esac
      ;;
    [A-Z]*=*)
      key="$section.${line%%=*}"
      value=${line#*=}
      if [ -n "${value_of[$key]+set}" ]; then
        case "$REPEATED" in
          *" $key "*) value="${value_of[$key]} $value" ;;
          *) found "line $number: $key is set twice" ;;
        esac
      fi
      value_of[$key]=$value
      case "$value" in *' ' | ' '*) found "line $number: space at an end of the value" ;; esac
      ;;
    *) found "line $number: neither a section, a setting nor a comment: $line" ;;
  esac
done <"$unit"

while IFS= read -r wanted; do
  [ -n "$wanted" ] || continue
  key=${wanted%%=*}
  [ "${value_of[$key]-(absent)}" = "${wanted#*=}" ] \
    || found "$key must be '${wanted#*=}', not '${value_of[$key]-(absent)}'"
done <<<"$REQUIRED"
case "${value_of[Service.ExecStart]-}" in /*) ;; *) found 'Service.ExecStart must be an absolute path' ;; esac
case " ${value_of[Service.SystemCallFilter]-} " in *' @system-service '*) ;; *) found 'Service.SystemCallFilter must begin from @system-service' ;; esac

if command -v systemd-analyze >/dev/null 2>&1; then
  work=$(mktemp -d) || exit 1
  trap 'rm -rf "$work"' EXIT
  # The program need not be installed for the check of its unit.
  sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$unit" >"$work/notary.service"
  complaints=$(systemd-analyze verify --man=no "$work/notary.service" 2>&1 | grep -F 'notary.service')
  [ -z "$complaints" ] || found "systemd-analyze verify: $complaints"
  # 20 of 100: above it something that protects has been taken out.
  systemd-analyze security --offline=true --threshold=20 "$work/notary.service" >"$work/security" 2>&1 \
    || found "systemd-analyze security: $(tail -n 1 "$work/security")"
fi

[ "$findings" -eq 0 ]
