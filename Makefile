# Every target does its own set-up: on a fresh Linux or macOS machine `make demo` is the first command.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench soak interop cuda setup

# Where what .ci/setup installs puts its commands.
export PATH := $(CURDIR)/target/cmake/bin:$(HOME)/.cargo/bin:/opt/homebrew/opt/rustup/bin:/usr/local/opt/rustup/bin:$(PATH)

DEFAULT_MODEL := qwen2.5-coder-0.5b-instruct-q4_k_m
SMALL_MODEL := smollm2-135m-instruct-q4_1
# Hears the tests' recording: 78 MB, English.
SPEECH_MODEL := whisper-tiny.en
# What reads pictures.
OCR_MODEL := pp-ocrv5
# What tells speakers apart: 16 MB.
VOICE_MODEL := resemblyzer
# What the demo scores when nobody sits at a terminal.
DEMO_DOSSIER := samples/zh-lilei-2026h1
# Where cargo puts what it builds. The tests' own build makes the program too: one build of the dependencies, not two.
BUILT := $(or $(CARGO_TARGET_DIR),target)
# The demo's records are not the person's own.
DEMO_WORKSPACE := target/demo

help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup: ## Check the toolchain and install what is missing
	@.ci/setup

demo: setup ## Build, bring the default model and open the workstation on the samples
	cargo build --release --locked
	@cargo run --quiet --release --locked -- models pull $(DEFAULT_MODEL)
	@if [ -t 0 ] && [ -t 1 ]; then \
	  cargo run --quiet --release --locked -- --workspace $(DEMO_WORKSPACE) review samples/; \
	else \
	  cargo run --quiet --release --locked -- score $(DEMO_DOSSIER); \
	fi

test: setup ## Bring the models the tests need, then run every test with real weights
	cargo test --locked --no-run
	@$(BUILT)/debug/plumb models pull $(DEFAULT_MODEL) $(SMALL_MODEL) $(SPEECH_MODEL) $(OCR_MODEL) $(VOICE_MODEL)
	cargo test --locked

lint: setup ## Formatting and lints, warnings are errors
	@.ci/setup lint
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings

bench: setup ## The engine beside llama.cpp
	cargo bench --locked --bench '*'

interop: setup ## Our files in datasets, TRL and PEFT, and theirs here: on the processor, with 6 GB of Python packages
	cargo test --locked --no-run
	@$(BUILT)/debug/plumb models pull $(SMALL_MODEL)
	python3 -m venv target/interop
	target/interop/bin/pip install --quiet --requirement tests/interop/requirements.txt
	rm -rf target/interop/work
	target/interop/bin/python tests/interop/check.py $(BUILT)/debug/plumb target/interop/work

cuda: setup ## Build with CUDA, to score and train on an NVIDIA card; needs the CUDA toolkit (nvcc)
	@command -v nvcc >/dev/null || { \
	  echo "make cuda: nvcc is not in PATH; install the CUDA toolkit of your driver's version, or add its bin folder to PATH" >&2; exit 1; }
	cargo build --release --locked --features cuda

soak: setup ## The long tests: kills by the hundred
	cargo test --locked --no-run
	@$(BUILT)/debug/plumb models pull $(DEFAULT_MODEL) $(SMALL_MODEL) $(SPEECH_MODEL) $(OCR_MODEL) $(VOICE_MODEL)
	PLUMB_SOAK=1 cargo test --locked -- --nocapture
