# shellcheck shell=bash
# Sourced by demos/run, tests/run, .ci/run and .ci/lint: installs what they need.

# What building takes, in Debian's names. COMMAND=PACKAGE: the package is only
# wanted where there is no such command.
# shellcheck disable=SC2034  # Used by those that source this file.
build_packages=(
  bazel=bazel-bootstrap
  "g++=g++"
  libabsl-dev
  libcurl4-openssl-dev
  libgflags-dev
  libmicrohttpd-dev
  nlohmann-json3-dev
  googletest
  pkg-config=pkg-config
  python3=python3
)

# say WORD...: what the script is doing, on standard error.
say() { printf '%s\n' "$*" >&2; }

# fail WORD...: one sentence about why it cannot go on, and the end.
fail() {
  say "$0: $*"
  exit 1
}

apt_get() {
  local as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 "$@" \
    </dev/null >&2
}

# install_missing [COMMAND=]PACKAGE...: installs those that are not there yet.
# RATCHET_INSTALL=no leaves that to whoever says so.
install_missing() {
  local wanted package missing=()
  if [[ ${RATCHET_INSTALL:-} == no ]]; then return; fi
  for wanted in "$@"; do
    package=${wanted#*=}
    if [[ $wanted == *=* ]]; then
      if command -v "${wanted%%=*}" >/dev/null; then continue; fi
    elif dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
      grep -qx installed; then
      continue
    fi
    missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then return; fi

  if ! command -v apt-get >/dev/null; then
    fail "there is no apt on this system; please install by hand what Debian" \
      "calls ${missing[*]}, and run this again with RATCHET_INSTALL=no."
  fi
  if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
    fail "installing takes root or sudo; please have someone run:" \
      "apt-get install ${missing[*]}"
  fi
  say "Installing ${missing[*]}"
  if ! apt-get -s -qq install --no-install-recommends "${missing[@]}" \
    </dev/null >/dev/null 2>&1; then
    apt_get update || fail "apt-get update failed (see above)."
  fi
  apt_get install -y --no-install-recommends "${missing[@]}" || {
    say "Trying again with fresh package lists"
    apt_get update
    apt_get install -y --no-install-recommends "${missing[@]}"
  } || fail "apt-get could not install ${missing[*]} (see above)."
}
