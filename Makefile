# `make` lists the targets.

SHELL      := /bin/bash
TCLSH      ?= tclsh
PREFIX     ?= /usr/local
DESTDIR    ?=
BUILD      ?= build
CARGO      ?= cargo
CARGO_TARGET_DIR ?= target
TESTFLAGS  ?=
PROFILE    ?= release
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= parser header info url

# Cargo.toml is the one place that says the version.
VERSION    := $(shell sed -n '/^\[workspace\.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
PACKAGE    := $(BUILD)/nats$(VERSION)
# The version that dialect 3 has beside it: one that a bare `package require nats` passes over, or, with DIALECT=3, takes.
BESIDE     := 3.3b$(VERSION)
ABOVE      := 3.3.$(shell echo $(VERSION) | cut -d. -f2-)
# Folder of the library, version of dialect 3.
INDEX       = -e 's/@VERSION@/$(VERSION)/g' -e 's|@FOLDER@|$1|' -e 's/@DIALECT3@/$2/'

export TCLSH CARGO CARGO_TARGET_DIR PROFILE
export NATS_TCLSH := $(TCLSH)
export NATS_BUILD := $(abspath $(BUILD))

# Checks and unit tests are of Tcl 8.6, unless there is only a Tcl 9.
LIBRARY     = $(shell tools/find-tcl.sh 8 >/dev/null && echo nats-tcl || echo nats-tcl9)
CHECKED     = --package $(LIBRARY) --package soundness $(if $(filter nats-tcl9,$(LIBRARY)),--features soundness/tcl9)
# What differs between the two is in src/tcl, which `soundness` compiles by itself: its unit tests for Tcl 9 take seconds.
UNITS9      = $(CARGO) test --profile $(PROFILE) --package soundness --features tcl9 --lib

# Written by tools/setup.sh where libclang is not the system's.
ENV := if [ -e .tools/env.sh ]; then . .tools/env.sh; fi

.PHONY: help build demo tcl9 test test-tcl9 lint reference docs-check bench bench-services cost soak kv-soak messages-soak gigabyte fuzz fuzz-tcl install uninstall dist bindist clean
.NOTPARALLEL:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: TCLSH=$(TCLSH) PREFIX=$(PREFIX) BUILD=$(BUILD) PROFILE=$(PROFILE) TESTFLAGS="-file request*.test -match request-1.*"'

build: ## install what building needs, build the package into build/ for every Tcl found (or TCL_CONFIG="file ...")
	@tools/setup.sh build
	@rm -rf $(PACKAGE)
	@mkdir -p $(PACKAGE)
	@$(ENV); tools/build-libraries.sh $(PACKAGE)
	@cp $(wildcard tcl/*.tcl) $(wildcard LICENSE*) $(PACKAGE)/
	@sed $(call INDEX,$$dir,$(BESIDE)) pkgIndex.tcl > $(PACKAGE)/pkgIndex.tcl
	@mkdir -p $(BUILD)/dialect3
	@sed $(call INDEX,[file join [file dirname $$dir] nats$(VERSION)],$(ABOVE)) pkgIndex.tcl \
	    | awk '/^apply/ { print "# Only for those who name this folder, not for those who name the one around it."; \
	        print "if {[file normalize $$dir] ni [lmap folder $$::auto_path {file normalize $$folder}]} return" } { print }' \
	    > $(BUILD)/dialect3/pkgIndex.tcl
	@$(TCLSH) tools/manual.tcl $(BUILD)/man
	@echo 'Built $(PACKAGE)'

demo: build ## a tour of the package, with a nats-server of its own
	@tools/setup.sh server
	@$(TCLSH) tools/with-server.tcl examples/tour.tcl

tcl9: ## bring Tcl 9 into .tools/, unless this machine has one
	@tools/tcl9.sh

# The release profile shares what `build` has compiled, and is what ships. Tcl 9 comes first, so that `build` finds it.
test: ## all tests, on Tcl 8.6 and 9; the last line is the total
	@tools/tcl9.sh || true
	@$(MAKE) --no-print-directory build
	@tools/setup.sh test || true
	@$(ENV); $(CARGO) test --profile $(PROFILE) $(CHECKED) 2>&1 | tee $(BUILD)/cargo-test.txt
	@$(ENV); ! tools/find-tcl.sh 9 >/dev/null || $(UNITS9) 2>&1 | tee -a $(BUILD)/cargo-test.txt
	@$(TCLSH) tests/all.tcl -cargo $(BUILD)/cargo-test.txt -also "Tcl 9" "$$(tools/tcl9.sh find)" $(TESTFLAGS)

test-tcl9: tcl9 ## the tests on Tcl 9 alone
	@$(MAKE) --no-print-directory build
	@tools/setup.sh test || true
	@$(ENV); $(UNITS9) 2>&1 | tee $(BUILD)/cargo-test.txt
	@tclsh=$$(tools/tcl9.sh find) && NATS_TCLSH=$$tclsh $$tclsh tests/all.tcl -cargo $(BUILD)/cargo-test.txt $(TESTFLAGS)

lint: ## formatting, clippy for both Tcls, the links of the comments, the rules of the tree, the documents
	@tools/tcl9.sh || true
	@tools/setup.sh build
	@$(ENV); $(CARGO) fmt --all --check
	@$(ENV); $(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	@$(ENV); $(CARGO) clippy $(CHECKED) --package nats-bench-raw --all-targets -- -D warnings
	@$(ENV); ! tools/find-tcl.sh 9 >/dev/null || $(CARGO) clippy --package nats-tcl9 -- -D warnings
	@$(ENV); $(CARGO) clippy --manifest-path fuzz/Cargo.toml --no-default-features --lib -- -D warnings
	@$(ENV); RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --no-deps --document-private-items --package $(LIBRARY)
	@tools/check-tree.sh
	@$(MAKE) --no-print-directory docs-check

reference: build ## write those parts of docs/ anew that the package's tables say
	@TCLLIBPATH=$(abspath $(BUILD)) $(TCLSH) tools/reference.tcl

docs-check: build ## whether the reference is what the package's tables say, and the manual pages lack nothing
	@TCLLIBPATH=$(abspath $(BUILD)) $(TCLSH) tools/reference.tcl --check
	@TCLLIBPATH=$(abspath $(BUILD)) $(TCLSH) tools/manual.tcl --check
	@! command -v groff >/dev/null || ! groff -ww -man -Tutf8 $(BUILD)/man/*.n 2>&1 >/dev/null | grep .

bench: build ## measure against async-nats, nats.py and nats.js (PEER=dir: another client too); writes bench/RESULTS.md
	@tools/setup.sh bench
	@$(ENV); $(CARGO) build --release --package nats-bench-raw
	@python3 bench/run.py $(if $(PEER),--peer $(PEER)) $(BENCHFLAGS)

bench-services: build ## what a service costs against a plain subscription, 1000 requests in flight
	@tools/setup.sh server
	@$(TCLSH) tools/with-server.tcl bench/services.tcl

gigabyte: build ## objects of 1 GiB from and to files and channels: the memory stays the same
	@tools/setup.sh server
	@NATS_TEST_GIGABYTE=1 $(TCLSH) tests/object_faults.test -match 'object_faults-3.*'

soak: build ## load and restarts for SOAK_SECONDS (600): no loss, no growth
	@tools/setup.sh server
	@$(TCLSH) bench/soak.tcl

cost: build ## cost against size, memory, limits, fairness
	@tools/setup.sh server
	@$(TCLSH) bench/cost.tcl

kv-soak: build ## watches of a bucket through restarts, two minutes: no loss, nothing twice
	@tools/setup.sh server
	@$(TCLSH) bench/kv_soak.tcl

messages-soak: build ## `messages` and an ordered consumer on a cluster through restarts, two minutes: no loss, nothing twice unmarked
	@tools/setup.sh server
	@$(TCLSH) bench/messages_soak.tcl

# What is found new goes to build/fuzz/, so that the corpora stay small; a case that fails, to fuzz/artifacts/. The code is safe Rust:
# without a sanitizer the stable compiler does.
fuzz: ## the engine's parsers under libFuzzer, FUZZ_SECONDS (60) for each of FUZZ_TARGETS; what fails belongs into fuzz/corpus/
	@tools/setup.sh fuzz
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p $(BUILD)/fuzz/$$target; \
	    PATH="$$PWD/.tools/cargo-fuzz/bin:$$PATH" cargo fuzz run --sanitizer none $$target $(BUILD)/fuzz/$$target fuzz/corpus/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -dict=fuzz/$$target.dict -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 || exit 1; \
	done

fuzz-tcl: build ## every method with every word (FUZZ_CALLS=100000 FUZZ_SEED=n FUZZ_DIALECT=2), then storms of connections, interpreters, threads
	@tools/setup.sh test || true
	@MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 $(TCLSH) bench/fuzz.tcl "$(FUZZ_CALLS)" "$(FUZZ_SEED)" "" "$(FUZZ_DIALECT)"
	@NATS_STORM=10 $(TCLSH) tests/storm.test

install: build ## install under PREFIX (/usr/local), where tclsh looks; DIALECT=3: a bare `package require nats` gives dialect 3
	@sed $(call INDEX,$$dir,$(if $(filter 3,$(DIALECT)),$(ABOVE),$(BESIDE))) pkgIndex.tcl > $(BUILD)/dialect3/installed.tcl
	@$(TCLSH) tools/install.tcl $(PACKAGE) $(BUILD)/dialect3/installed.tcl $(PREFIX) $(DESTDIR)

uninstall: ## remove what `make install` has put under PREFIX
	@$(TCLSH) tools/install.tcl -remove $(PACKAGE) $(PREFIX) $(DESTDIR)

dist: ## the sources with those of all crates, which build without a network, in build/
	@tools/dist.sh $(abspath $(BUILD))

bindist: ## the built package for this platform in build/; says the oldest glibc that serves
	@MAKE='$(MAKE)' tools/bindist.sh $(abspath $(BUILD))

clean: ## remove what was built; .tools/ stays
	@rm -rf $(BUILD)
	@$(CARGO) clean --quiet
