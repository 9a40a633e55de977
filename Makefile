# What people type. Every target installs what it needs into the cache (NIGHTBELL_CACHE, else
# ~/.cache/nightbell) and says so; the second run finds it there.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Two cores build best one thing after the other; each step below is parallel inside.
.NOTPARALLEL:

cargo := PATH="$$PATH:$${CARGO_HOME:-$$HOME/.cargo}/bin" cargo
step := PATH="$$PATH:$${CARGO_HOME:-$$HOME/.cargo}/bin" setup/step

## help: this list
help:
	@echo "nightbell: synthetic calls to telephone hotlines"
	@echo
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
.PHONY: help

## demo: build, then four calls to pretend hotlines on this machine, with their verdicts
demo: packages build model prompts
	@setup/demo
.PHONY: demo

## watch: the daemon on four pretend hotlines, a call a minute each, until Ctrl-C; http://127.0.0.1:9875/
watch: packages build model prompts
	@setup/watch
.PHONY: watch

## test: everything CI runs: style, lints, licences, unit tests, calls to a real Asterisk, a real Prometheus
test: packages model prompts asterisk kamailio sipp baresip tshark prometheus postgres browser fonts
	@$(step) "format" cargo fmt --check
	@$(step) "lints" cargo clippy --locked --all-targets -- -D warnings
	@$(step) "shell scripts" setup/check-shell
	@$(step) "service unit" setup/check-unit
	@$(step) "licences and sources of dependencies" setup/cargo-deny check
	@$(step) "build of the tests" cargo test --locked --no-run
	@$(cargo) test --locked --no-fail-fast
.PHONY: test

## test-long: make test, all known prompts, many menu trees, maps by the watch, 100000 strange far sides, 1000 calls at once, fuzzing, a bucket, 100 kills of the daemon
test-long: test
	@NIGHTBELL_SEEDS=6 $(cargo) test --locked --test map -- --nocapture
	@$(cargo) test --locked --test nightly -- --ignored
	@NIGHTBELL_BEHAVIOURS=100000 $(cargo) test --locked --test behaviours -- --nocapture
	@NIGHTBELL_LINES=1000 $(cargo) test --locked --test many_lines
	@setup/fuzz
	@$(cargo) test --locked --features s3 --test s3
	@setup/kill-storm 100
	@NIGHTBELL_PROMPTS=whole $(cargo) test --locked --test known_prompts -- --nocapture
.PHONY: test-long

## kill-storm: the daemon killed at 1000 random instants (KILLS=1000), with nothing lost; an hour
kill-storm: packages
	@setup/kill-storm $${KILLS:-1000}
.PHONY: kill-storm

## bench: how fast the parts are
bench: packages model prompts
	@$(cargo) bench --locked
.PHONY: bench

## build: the binary, as target/debug/nightbell (tests and demo use the same one; dependencies are optimised in it)
build: packages
	@$(step) "build" cargo build --locked
.PHONY: build

## interop: every codec over UDP, TCP and TLS, plain and SRTP, by each way of keys, against a real Asterisk and through Kamailio, as a table
interop: packages asterisk kamailio tshark
	@NIGHTBELL_INTEROP=all $(cargo) test --locked --test interop -- --nocapture
.PHONY: interop

## pbx: a real Asterisk with the hotlines of fixtures/asterisk, in the foreground
pbx: asterisk
	@fixtures/asterisk/start
.PHONY: pbx

## packages: compiler, cmake, python from the distribution, where they are missing
packages:
	@setup/packages
.PHONY: packages

## model: the speech model into the cache
model: packages
	@setup/model >/dev/null
.PHONY: model

## prompts: recorded prompts, English and Mandarin, and hold music into the cache
prompts:
	@setup/prompts >/dev/null
	@setup/prompts-zh >/dev/null
.PHONY: prompts

## asterisk: a real Asterisk into the cache, from distribution packages, without root
asterisk:
	@setup/asterisk >/dev/null
.PHONY: asterisk

## kamailio: Kamailio and rtpengine, a border in front of that Asterisk, into the cache, without root
kamailio:
	@setup/kamailio >/dev/null
.PHONY: kamailio

## sipp: SIPp, strict far sides for tests, into the cache, from distribution packages, without root
sipp:
	@setup/sipp >/dev/null
.PHONY: sipp

## baresip: a softphone without a screen, a peer by TLS and with SRTP in tests, into the cache, without root
baresip:
	@setup/baresip >/dev/null
.PHONY: baresip

## tshark: Wireshark without windows, which reads our captures in tests, into the cache, without root
tshark:
	@setup/tshark >/dev/null
.PHONY: tshark

## prometheus: Prometheus, promtool and Alertmanager into the cache, from distribution packages, without root
prometheus:
	@setup/prometheus >/dev/null
.PHONY: prometheus

## postgres: a PostgreSQL for the tests of the store, from the distribution
postgres: packages
	@setup/postgres >/dev/null
.PHONY: postgres

## browser: a Chromium for the test of the pages, from the distribution, and what drives it
browser: packages
	@setup/browser >/dev/null
.PHONY: browser

## fonts: Noto Sans CJK for the report as PDF, from the system or into the cache
fonts:
	@setup/fonts >/dev/null
.PHONY: fonts

## clean: what was built (the cache stays; it is named above)
clean:
	@$(cargo) clean
	@rm -rf out
.PHONY: clean
