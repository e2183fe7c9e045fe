#!/bin/bash
# A real Slurm 24.11 and a real pyslurm on Debian 12, without compiling Slurm.
#   provision.sh PREFIX      as root; about 90 s; PREFIX must stay where it is afterwards
# Leaves PREFIX/bin (slurmctld, slurmd, sbatch, sacctmgr, ...) and PREFIX/venv, a Python whose pyslurm works.
#
# Debian 12's own Slurm is 22.05, which the pyslurm of today does not compile against. So Slurm's binaries
# come from the next Debian release and run under that release's own C library, and so does a copy of the
# interpreter. Nothing of that release is installed on the machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prefix=$(realpath -m "${1:?usage: provision.sh PREFIX}")
pyslurm=25.11.2
[ "$(id -u)" = 0 ] || { echo "provision.sh installs packages: run it as root" >&2; exit 1; }
root=$prefix/root
mkdir -p "$root" "$prefix/bin"
"$here/../../.ci/apt-install" munge mariadb-server-core patchelf gcc libc6-dev python3-venv
libraries=$root/usr/lib/$(gcc -print-multiarch)

run_with_next_libc() { # FILE LIBRARY-PATH
  patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$2" "$1"
}

# Also in a prefix that an earlier version of this script has provisioned with fewer commands.
link_commands() {
  local binary name
  loader=$(echo "$libraries"/ld-linux-*.so.*)
  for binary in "$root"/usr/sbin/{slurmctld,slurmd,slurmstepd}-wlm "$root/usr/sbin/slurmdbd" \
    "$root"/usr/bin/{sacct,sacctmgr,sbatch,scancel,scontrol,sdiag,sinfo,sprio,squeue,sreport,srun,sstat}; do
    name=$(basename "$binary" -wlm)
    [ ! -e "$prefix/bin/$name" ] || continue
    run_with_next_libc "$binary" "$libraries/slurm-wlm:$libraries"
    ln -s "$binary" "$prefix/bin/$name"
  done
}

if [ -f "$prefix/.done" ]; then
  link_commands
  exit 0
fi

# A private apt with an empty package state (so that the C library is fetched too), on this machine's mirror.
apt=$prefix/apt
mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
: >"$apt/state/status"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
cat >"$apt/next.sources" <<END
Types: deb
URIs: $mirror
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
private_apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$apt/next.sources" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State=$apt/state" \
    -o "Dir::State::status=$apt/state/status" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root "$@"
}
private_apt update
private_apt -y -d --no-install-recommends install \
  slurmctld slurmd slurmdbd slurm-client slurm-wlm-basic-plugins slurm-wlm-mysql-plugin libslurm-dev >/dev/null
for deb in "$apt"/cache/archives/*.deb; do dpkg -x "$deb" "$root"; done
link_commands

venv=$prefix/venv
python3 -m venv "$venv"
python=$(readlink -f "$venv/bin/python3")
name=$(basename "$python")
rm "$venv"/bin/python*
cp "$python" "$venv/bin/$name"
ln -s "$name" "$venv/bin/python3"
ln -s "$name" "$venv/bin/python"
run_with_next_libc "$venv/bin/$name" "$libraries:$(dirname "$(dirname "$python")")/lib"

pip() { "$venv/bin/python" -m pip -q --disable-pip-version-check "$@"; }
pip install 'setuptools<81' wheel 'Cython>=3,<4' packaging
cd "$prefix"
pip download --no-deps --no-build-isolation --no-binary pyslurm "pyslurm==$pyslurm"
rm -rf "pyslurm-$pyslurm"
tar xzf "pyslurm-$pyslurm.tar.gz"
"$venv/bin/python" "$here/patch_pyslurm.py" "pyslurm-$pyslurm"
cd "pyslurm-$pyslurm"
SLURM_INCLUDE_DIR=$root/usr/include SLURM_LIB_DIR=$libraries PYSLURM_BUILD_JOBS=2 \
  CFLAGS="-O0 -g0 -w -include $here/compat2411.h -I$root/usr/include" LDFLAGS="-Wl,--allow-shlib-undefined" \
  "$venv/bin/python" setup.py build_ext -j2 bdist_wheel -d "$prefix/wheels" >"$prefix/pyslurm.log" 2>&1 ||
  { tail -50 "$prefix/pyslurm.log" >&2; exit 1; }
pip install --no-deps "$prefix"/wheels/pyslurm-*.whl
cd /
PYSLURM_DISABLE_AUTO_INIT=1 "$venv/bin/python" -c 'import pyslurm; print("pyslurm", pyslurm.__version__)'
touch "$prefix/.done"
