#!/usr/bin/env bash
# Builds the peer, llama.cpp, into a folder: FOLDER/bin/{dossier,llama-bench,llama-batched-bench}.
# Linux. Needs python3 with venv, a C and a C++ compiler, and what pip is set up to download from.
# A second run with nothing changed does nothing; a build that stopped half-way goes on where it was.
set -euo pipefail

VERSION=0.3.36 # of llama-cpp-python, whose source package holds the whole of llama.cpp
SHA256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
PYTHON_PACKAGES=(cmake ninja scikit-build-core flit_core)
PROGRAMS=(llama-bench llama-batched-bench)
OPTIONS=(
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DGGML_LLAMAFILE=ON
  -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
  -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_MTMD=OFF
  -DLLAMA_OPENSSL=OFF
)
# GCC 12 takes the writes of the matrix unit's configuration (AMX) for dead: the peer then ends with an illegal instruction.
if grep -qw amx_tile /proc/cpuinfo && [[ $(c++ --version) == *'Free Software'* ]]; then
  OPTIONS+=("-DCMAKE_CXX_FLAGS=-fno-tree-dse -fno-dse")
fi

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

quietly() { # LOG COMMAND...: the command's output goes to the log, of which the end is shown when it fails
  local log=$1
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "failed: $1 (the whole output: $log)"
  fi
}

[ $# -eq 1 ] || fail "usage: build.sh FOLDER"
[ "$(uname -s)" = Linux ] || fail "only Linux: the peer is built for the processor alone"
for needed in python3 cc c++ sha256sum; do
  command -v "$needed" >/dev/null || fail "$needed is missing"
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
venv=$folder/venv
package=$folder/llama_cpp_python-$VERSION
llama=$package/vendor/llama.cpp
build=$folder/build
bin=$folder/bin
logs=$folder/logs
stamp=$folder/stamp

# What the result depends on: this script with the versions in it, dossier.cpp, the compiler and the processor
# (the build is for this one, and a folder may be brought from another machine).
processor=$(grep -E '^(model name|flags|Features)' /proc/cpuinfo | sort -u || true)
wanted=$(
  {
    cat "$here/build.sh" "$here/dossier.cpp"
    c++ --version
    printf '%s\n' "$processor" "$folder"
  } | sha256sum | cut -d ' ' -f 1
)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  missing=
  for program in dossier "${PROGRAMS[@]}"; do
    [ -x "$bin/$program" ] || missing=$program
  done
  if [ -z "$missing" ]; then
    echo "$bin is up to date"
    exit 0
  fi
fi
rm -f "$stamp"
mkdir -p "$bin" "$logs"

if [ ! -x "$venv/bin/cmake" ] || [ ! -x "$venv/bin/ninja" ] ||
  ! "$venv/bin/python" -c 'import scikit_build_core, flit_core' 2>/dev/null; then
  echo "installing ${PYTHON_PACKAGES[*]}"
  [ -x "$venv/bin/python" ] || quietly "$logs/venv.log" python3 -m venv "$venv"
  quietly "$logs/packages.log" "$venv/bin/python" -m pip install "${PYTHON_PACKAGES[@]}"
fi
export PATH=$venv/bin:$PATH

if [ ! -f "$llama/CMakeLists.txt" ]; then
  archive=$package.tar.gz
  if [ ! -f "$archive" ]; then
    echo "downloading the source of llama-cpp-python $VERSION"
    quietly "$logs/download.log" "$venv/bin/python" -m pip download --no-deps --no-binary :all: --no-build-isolation \
      --dest "$folder" "llama-cpp-python==$VERSION"
    [ -f "$archive" ] || fail "pip brought no $(basename "$archive"): see $logs/download.log"
  fi
  echo "$SHA256  $archive" | sha256sum --check --status || fail "$archive is not the one expected: remove it and try again"
  # Unpacked beside its place and moved, so that half an archive is never taken for the whole.
  rm -rf "$folder/unpacking"
  mkdir "$folder/unpacking"
  quietly "$logs/unpack.log" tar -xzf "$archive" -C "$folder/unpacking"
  [ -f "$folder/unpacking/$(basename "$package")/vendor/llama.cpp/CMakeLists.txt" ] ||
    fail "no llama.cpp in $archive"
  rm -rf "$package"
  mv "$folder/unpacking/$(basename "$package")" "$package"
  rmdir "$folder/unpacking"
fi

echo "building llama.cpp (minutes, the first time)"
quietly "$logs/configure.log" cmake -G Ninja -S "$llama" -B "$build" "${OPTIONS[@]}"
quietly "$logs/build.log" cmake --build "$build" --parallel "$(nproc)" --target llama "${PROGRAMS[@]}"

echo "building dossier"
quietly "$logs/dossier.log" c++ -std=c++17 -O2 -DNDEBUG -Wall -Wextra \
  -I "$llama/include" -I "$llama/ggml/include" "$here/dossier.cpp" -o "$bin/dossier" \
  "$build/src/libllama.a" "$build/ggml/src/libggml.a" "$build/ggml/src/libggml-cpu.a" \
  "$build/ggml/src/libggml-base.a" -fopenmp -ldl -lpthread -lm

for program in "${PROGRAMS[@]}"; do
  cp "$build/bin/$program" "$bin/$program"
done
printf '%s\n' "$wanted" >"$stamp"
echo "$bin: dossier ${PROGRAMS[*]}"
