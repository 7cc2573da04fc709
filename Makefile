# SPDX-License-Identifier: GPL-2.0
# What can be done here; `make` lists it. The work itself is done by the scripts in tools/.

KERNEL ?= 6.12
PHASES := $(notdir $(wildcard phases/*))
KERNELS := $(shell tools/kernel --list; tools/sanitizer-kernel --list)

# Labs have the names of their phases. Both are called by number; without one, the driver is vnet/.
numbers := $(shell seq $(words $(PHASES)))
named = $(filter 0$(1)-%,$(PHASES))
target = $(if $(PHASE),phases/$(call named,$(PHASE)),vnet)

export VNET_TX_RING_SIZE VNET_RX_RING_SIZE

# $(call check,VARIABLE,allowed values,how to say them): one line if it is none of them.
check = $(if $(and $(filter 1,$(words $($(1)))),$(filter $(2),$($(1)))),,\
        $(error $(1)=$($(1)): give one of $(3)))
ifdef PHASE
$(call check,PHASE,$(numbers),1 to $(words $(PHASES)))
ifneq ($(filter selftest,$(MAKECMDGOALS)),)
# The milestones before have no far end that could answer.
$(call check,PHASE,8 9,8 or 9)
endif
endif
ifdef LAB
$(call check,LAB,$(numbers),1 to $(words $(PHASES)))
endif
$(call check,KERNEL,$(KERNELS),$(KERNELS))

# What a goal does not take would be ignored in silence.
goals := $(or $(MAKECMDGOALS),default)
PHASE_goals := default build run shell selftest diff
LAB_goals := lab check
KERNEL_goals := default build run shell selftest demo test test-all soak bench profile check
ARGS_goals := run shell bench profile
T_goals := test test-all
MINUTES_goals := soak
$(foreach variable,PHASE LAB KERNEL ARGS T MINUTES,\
        $(if $(filter command line,$(origin $(variable))),$(if $(filter $($(variable)_goals),$(goals)),,\
        $(error $(variable)=$($(variable)): make takes it with these goals: $(subst default,(none),$($(variable)_goals))))))

.PHONY: default help build demo test test-all soak bench profile run shell selftest plugin diff tags lab check docs doctor clean

# make PHASE=4 builds; make alone says what there is.
default: $(if $(PHASE),build,help)

help:
	@echo 'vnet: a Linux network driver in nine steps, and a link that misbehaves on purpose'
	@echo
	@echo '  make demo              the self-test and an impaired link in a VM; installs what is missing'
	@echo '  make test              every test, long ones as a sample; T=napi narrows it, KERNEL=6.1 picks one kernel'
	@echo '  make test-all          all of it on every kernel, the sanitizer kernels too: hours'
	@echo '  make soak MINUTES=60   operations, wrong frames and traffic for so long: does anything grow?'
	@echo '  make bench             what a packet costs, in instructions, beside veth, dummy, loopback and netem'
	@echo '  make profile           where they go; ARGS="--kind veth udp64" picks another link, another case'
	@echo
	@echo '  make PHASE=4           builds that milestone (1 to $(words $(PHASES)))'
	@echo '  make run PHASE=4       builds it, boots it, shows it at work; ARGS="rx_rate=9" sets parameters'
	@echo '  make shell PHASE=4     a shell in a VM with that driver loaded; Ctrl-D ends it'
	@echo '  make diff PHASE=4      what this milestone adds to the one before'
	@echo '  make lab LAB=4         the worksheet that goes with it'
	@echo '  make check LAB=4       runs its commands in a VM and compares what they print'
	@echo '  make selftest          the loopback ping self-test alone, of vnet/ or of PHASE=8 or 9'
	@echo '  make plugin            teaches ip the link kind vnet: IP_LIB_DIR=build/ip-link ip link add …'
	@echo '  make tags              a branch and a tag for each milestone'
	@echo '  make docs              the site, under build/docs/html'
	@echo '  make doctor            what is missing here, and how it is got'
	@echo '  make clean             removes build/; downloads stay in the cache'
	@echo
	@echo 'Without PHASE, run, shell and selftest take the driver in vnet/. KERNEL is one of: $(KERNELS)'

# Each target installs just what it needs itself.
deps-%:
	@tools/deps $(subst -, ,$*)

build: deps-build
	@tools/build $(target) $(KERNEL)

plugin: deps-build
	@tools/plugin

run: deps-vm-build-guest build plugin
	@tools/vm --kernel $(KERNEL) --out build/run -- $(target)/run $(ARGS)

shell: deps-vm-build-guest build plugin
	@tools/vnet-dryrun --build
	@tools/vm --kernel $(KERNEL) --shell -- tools/shell $(target) $(ARGS)

selftest: deps-vm-build-guest build plugin
	@tools/vm --kernel $(KERNEL) --out build/selftest -- tests/selftest $(target)

demo: deps-vm-build-guest-demo
	@tools/demo $(KERNEL)

test test-all: deps-vm-build-guest-test-docs-demo-bench
	@tools/test $(if $(filter test-all,$@),--all) $(if $(filter-out file default,$(origin KERNEL)),--kernel $(KERNEL)) $(if $(T),-k '$(T)')

soak: deps-vm-build-guest-test
	@tools/soak $(KERNEL) $(MINUTES)

bench: deps-vm-build-guest-bench
	@tools/bench --kernel $(KERNEL) $(ARGS)

profile: deps-vm-build-guest-bench
	@tools/profile --kernel $(KERNEL) $(ARGS)

diff:
	$(if $(PHASE),,$(error give the milestone: make diff PHASE=4))
	@tools/diff $(PHASE)

tags:
	@tools/tags

lab:
	$(if $(LAB),,$(error give the lab: make lab LAB=4))
	@cat labs/$(call named,$(LAB))/worksheet.md

check: deps-vm-build-guest-lab
	$(if $(LAB),,$(error give the lab: make check LAB=4))
	@tools/build phases/$(call named,$(LAB)) $(KERNEL)
	@tools/vm --kernel $(KERNEL) --out build/check -- \
		/usr/bin/python3 -m pytest -p no:cacheprovider -q tests/vm/test_labs.py -k $(call named,$(LAB))

docs: deps-docs
	@tools/docs

doctor:
	@tools/deps --list
	@echo
	@tools/kernel --status
	@if command -v qemu-system-x86_64 >/dev/null; then printf 'accelerator   '; tools/vm --probe; fi

clean:
	rm -rf build
