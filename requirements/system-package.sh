#!/bin/sh
# Installs one of Debian's packages that no Python wheel can bring, for the tests alone: the browser, and Redis where its
# wheel has no build for this machine. Without rights or without apt-get it says what to install.
set -eu

package="$1"
if ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need $package. Install it with this system's package manager, then try again." >&2
	exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "The tests need $package. As root: apt-get install $package" >&2
		exit 1
	fi
	as_root="sudo"
fi
echo "Installing $package for the tests …"
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$package" >/dev/null
