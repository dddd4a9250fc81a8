# Assay: `make help` lists what can be made.

CC = gcc
NASM = nasm
LD = ld
NM = nm
PYTHON = /usr/bin/python3
BUILD = build

include settings.mk

BOOT = bios
DISPLAY_MODE = none
MEMORY =
CPU =
CPUS =
JOBS = auto
K =
COMMANDS = 2000
JUNIT := $(BUILD)/junit.xml

export CC

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
KERNEL_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) -I. -Ikernel/port -MMD -MP \
    -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
    -fno-stack-protector -fcf-protection=none -fno-omit-frame-pointer -fno-optimize-sibling-calls \
    -fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks -fno-strict-aliasing
# The sources' directory stays out of the image. The shell knows it, whatever characters it has.
DEBUG_PREFIX = "-fdebug-prefix-map=$$PWD=."
HOST_CFLAGS = -std=gnu11 -fno-pie -O1 -g $(WARNINGS) -I. -Itests/host/port -MMD -MP -fno-strict-aliasing \
    -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# Where the image is linked: layout.h says it to C, to the assembler and to the linker.
KERNEL_BASE := $(shell sed -n 's/^.define LAYOUT_KERNEL UINT64_C(\(0x[0-9a-f]*\))/\1/p' \
    kernel/layout/layout.h)
KERNEL_LDFLAGS = -nostdlib -static -z max-page-size=0x1000 -z noexecstack --no-warn-rwx-segments \
    --build-id=sha1 --defsym=KERNEL_BASE=$(KERNEL_BASE) -T kernel/boot/kernel.ld

# Objects go to a directory per compiler, so that changing CC rebuilds.
OBJECTS = $(BUILD)/$(notdir $(CC))

MM_SOURCES = $(wildcard mm/*.c)
TESTING_SOURCES = $(wildcard testing/*.c)
TEST_MODE_SOURCES = $(wildcard kernel/test_mode/*.c)
# What only the normal image has: its mode, and the rooms of the prompt.
NORMAL_ROOMS = line monitor claims arguments commands prompt normal_mode
NORMAL_SOURCES = $(wildcard $(NORMAL_ROOMS:%=kernel/%/*.c))
KERNEL_SOURCES = $(filter-out $(NORMAL_SOURCES) $(TEST_MODE_SOURCES),$(wildcard kernel/*/*.c \
    kernel/*/*.asm))
TEST_SOURCES = $(wildcard tests/kernel/*.c)
MODEL_SOURCES = $(wildcard tests/model/*.c)
COMBINATION_SOURCES = $(patsubst %,tests/kernel/conformance/%.c,combination family)
# Programs of their own, and what they share with the tests.
HOST_PROGRAMS = tests/host/pt_trace.c $(wildcard tests/host/fuzz_*.c)
HOST_TEST_SOURCES = $(filter-out $(HOST_PROGRAMS),$(wildcard tests/host/*.c))
HOST_MACHINE_SOURCES = $(patsubst %,tests/host/%.c,world test_frames host_cpu host_memory soft_mmu \
    soft_tlb) testing/random.c
HOST_MODEL_SOURCES = $(patsubst %,tests/host/%.c,operation random_operation model_run page_model \
    page_model_predict page_model_range)
HOST_PURE_SOURCES = $(MM_SOURCES) $(MODEL_SOURCES) $(COMBINATION_SOURCES) $(TESTING_SOURCES) \
    $(wildcard kernel/boot_info/*.c kernel/line/*.c) kernel/state/command_line.c \
    kernel/paging/strategy.c kernel/lib/format.c kernel/console/terminal_keys.c \
    kernel/console/scancode.c kernel/screen/framebuffer_text.c kernel/screen/framebuffer.c \
    kernel/drivers/fw_cfg_file.c

# The characters of the framebuffer console. FONT= names another font than the usual one.
FONT =
FONT_TABLE = $(OBJECTS)/font_table.o

objects = $(patsubst %,$(OBJECTS)/%.o,$(1))
COMMON_OBJECTS = $(call objects,$(KERNEL_SOURCES) $(MM_SOURCES)) $(FONT_TABLE)
assay_OBJECTS = $(COMMON_OBJECTS) $(call objects,$(filter-out %/main.c,$(TEST_MODE_SOURCES)) \
    $(TESTING_SOURCES) $(TEST_SOURCES) $(NORMAL_SOURCES))
assay-test_OBJECTS = $(COMMON_OBJECTS) \
    $(call objects,$(TEST_MODE_SOURCES) $(TESTING_SOURCES) $(TEST_SOURCES))
assay-misbehave_OBJECTS = $(COMMON_OBJECTS) \
    $(call objects,$(filter-out %/main.c,$(TEST_MODE_SOURCES)) $(TESTING_SOURCES) \
    $(wildcard tests/kernel/misbehave/*.c))
assay-second-opinion_OBJECTS = $(COMMON_OBJECTS) \
    $(call objects,$(wildcard tests/kernel/second_opinion/*.c) testing/random.c)
assay-conformance_OBJECTS = $(COMMON_OBJECTS) \
    $(call objects,$(TEST_MODE_SOURCES) $(TESTING_SOURCES) $(MODEL_SOURCES) \
    $(wildcard tests/kernel/conformance/*.c tests/kernel/conformance/*.asm))
assay-bench_OBJECTS = $(COMMON_OBJECTS) $(call objects,tests/bench/tlb_bench.c)
HOST_OBJECTS = $(patsubst %,$(OBJECTS)/host/%.o,$(HOST_TEST_SOURCES) $(HOST_PURE_SOURCES)) \
    $(FONT_TABLE)

IMAGES = $(BUILD)/assay.elf $(BUILD)/assay-test.elf
# What tests the harness, what QEMU's own walker is compared with, what its MMU is, and a benchmark
# that must run.
HARNESS_IMAGES = $(BUILD)/assay-misbehave.elf $(BUILD)/assay-second-opinion.elf \
    $(BUILD)/assay-conformance.elf $(BUILD)/assay-bench.elf
ISOS = $(BUILD)/assay.iso $(BUILD)/assay-test.iso

# Shows one line instead of the command; `make V=1` shows the command.
V = 0
quiet = $(if $(filter 1,$(V)),,@echo "  $(1)" && )

.PHONY: all run test conformance drive-prompt fuzz map figures screenshot bench-boot bench-harness bench-host bench-tlb clean help host-tests FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(IMAGES) $(ISOS)  ## both kernels and a GRUB image of each

help:  ## this list
	@echo "make targets:"
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 26
	@echo "settings, such as make run BOOT=pvh:"
	@printf '  %-13s %s: %s\n' $(foreach name,$(SETTINGS),"$(name)" "$($(name)_MEANING)" "$($(name)_VALUES)")

# A missing tool is named with its package, before anything fails for the lack of it.
define need
@command -v $(1) >/dev/null || \
    { echo "$(1) is missing: Debian's package $(2) has it; ./scripts/setup.sh installs all" >&2; exit 1; }
endef

.PHONY: build-tools iso-tools test-tools
build-tools:
	$(call need,$(CC),$(notdir $(CC)))
	$(call need,$(LD),binutils)
	$(call need,$(NASM),nasm)
	$(call need,$(PYTHON),python3)

iso-tools:
	$(call need,grub-mkrescue,grub-common)
	$(call need,xorriso,xorriso)
	$(call need,mformat,mtools)

test-tools:
	$(call need,$(PYTHON),python3)
	@$(PYTHON) -c "import pytest, xdist" 2>/dev/null || \
	    { echo "pytest or xdist is missing: Debian's packages python3-pytest and" \
	      "python3-pytest-xdist have them; ./scripts/setup.sh installs all" >&2; exit 1; }

$(OBJECTS)/host/%.c.o: %.c Makefile | build-tools
	@mkdir -p $(@D)
	$(call quiet,CC (host) $<)$(CC) $(HOST_CFLAGS) -c $< -o $@

$(OBJECTS)/%.c.o: %.c Makefile | build-tools
	@mkdir -p $(@D)
	$(call quiet,CC $<)$(CC) $(KERNEL_CFLAGS) $(DEBUG_PREFIX) -c $< -o $@

# NASM lists the files that a source includes only when it does nothing else.
$(OBJECTS)/%.asm.o: %.asm Makefile scripts/make/assembly_directory.py | build-tools
	@mkdir -p $(@D)
	@$(NASM) -M -MF $(@:.o=.d) -MT $@ -MP $<
	$(call quiet,NASM $<)$(NASM) -f elf64 -g -F dwarf -w+all -Werror -DKERNEL_BASE=$(KERNEL_BASE) $< -o $@
	@$(PYTHON) scripts/make/assembly_directory.py $@

$(OBJECTS)/kernel/boot/entry.asm.o: kernel/layout/layout.h

# The symbol table is made from a link without one. It comes behind the code, which therefore
# stands at the same addresses in both links.
$(OBJECTS)/no_symbols.asm: scripts/make/symbol_table.awk
	@mkdir -p $(@D)
	@awk -v base=$(KERNEL_BASE) -f $< /dev/null >$@

# A link depends on the list of what is linked, too, so that a deleted source is noticed. The list is
# rewritten only when it changes. Beside it stand the files that lie beside the sources, which
# the list of sources in an image names.
sources_of = $(patsubst $(OBJECTS)/%.o,%,$(patsubst $(OBJECTS)/host/%.o,%,$(1)))
beside = $(wildcard $(foreach directory,$(sort $(dir $(call sources_of,$(1)))),$(directory)*.c \
    $(directory)*.asm))
define list_rule
$(1).list: FORCE
	@mkdir -p $$(@D) && list='$(strip $(2)) / $(call beside,$(2))' && \
	    { echo "$$$$list" | cmp -s - $$@ || echo "$$$$list" >$$@; }
endef

# What an image was made of is linked into it: see scripts/harness/image/sources.py. $(1): the image.
# $(2): its objects. $(3): other files.
define sources_rules
$(call list_rule,$(1),$(2))

$(1)_sources.asm: $(2) $(1).list scripts/make/image_sources.py $(3)
	@$(PYTHON) scripts/make/image_sources.py $(2) -- Makefile $(3) >$$@
endef
IMAGE_FILES = kernel/boot/kernel.ld scripts/make/symbol_table.awk scripts/make/font_table.py \
    scripts/make/assembly_directory.py
HOST_IMAGE_FILES = scripts/make/font_table.py

# Records of tests that the runner would refuse are refused here.
check_records = $(PYTHON) scripts/make/test_records.py

define image_rules
$(OBJECTS)/$(1).unnamed: $($(1)_OBJECTS) $(OBJECTS)/$(1).list $(OBJECTS)/no_symbols.o \
    kernel/boot/kernel.ld
	@$(LD) $(KERNEL_LDFLAGS) $$(filter %.o,$$^) -o $$@

$(OBJECTS)/$(1)_symbols.asm: $(OBJECTS)/$(1).unnamed scripts/make/symbol_table.awk
	@$(NM) -n $$< | awk -v base=$(KERNEL_BASE) -f scripts/make/symbol_table.awk >$$@

$(call sources_rules,$(OBJECTS)/$(1),$($(1)_OBJECTS),$(IMAGE_FILES))

$(OBJECTS)/$(1).elf: $($(1)_OBJECTS) $(OBJECTS)/$(1)_symbols.o $(OBJECTS)/$(1)_sources.o \
    kernel/boot/kernel.ld scripts/make/test_records.py
	$$(call quiet,LD $$@)$(LD) $(KERNEL_LDFLAGS) $$(filter %.o,$$^) -o $$@
	@$(check_records) $$@

# The image of the compiler that was asked for last. A boot that has begun keeps the one it opened.
$(BUILD)/$(1).elf: $(OBJECTS)/$(1).elf FORCE
	@cmp -s $$< $$@ || { cp $$< $$@.new && mv -f $$@.new $$@; }
endef

$(OBJECTS)/font_table.asm: scripts/make/font_table.py | build-tools
	@mkdir -p $(@D)
	@$(PYTHON) $< $(FONT) >$@

$(OBJECTS)/%.o: $(OBJECTS)/%.asm
	@$(NASM) -f elf64 $< -o $@

$(eval $(call image_rules,assay))
$(eval $(call image_rules,assay-test))
$(eval $(call image_rules,assay-misbehave))
$(eval $(call image_rules,assay-second-opinion))
$(eval $(call image_rules,assay-conformance))
$(eval $(call image_rules,assay-bench))

GRUB_MODULES = multiboot2 normal test iso9660 part_msdos part_gpt fat all_video boot

# grub-mkrescue gives TMPDIR to a shell without quotes.
$(BUILD)/%.iso: $(BUILD)/%.elf kernel/boot/grub.cfg | iso-tools
	@rm -rf $(BUILD)/iso/$* && mkdir -p $(BUILD)/iso/$*/boot/grub
	@strip -o $(BUILD)/iso/$*/boot/kernel.elf $<
	@cp kernel/boot/grub.cfg $(BUILD)/iso/$*/boot/grub/
	$(call quiet,ISO $@)TMPDIR=$(BUILD)/iso grub-mkrescue --compress=xz --install-modules="$(GRUB_MODULES)" \
	    --locales= --fonts= --themes= -o $@.new $(BUILD)/iso/$* >$(BUILD)/iso/$*.log 2>&1 || \
	    { cat $(BUILD)/iso/$*.log >&2; rm -f $@.new; exit 1; }
	@mv -f $@.new $@

run: $(if $(filter pvh,$(BOOT)),$(BUILD)/assay.elf,$(BUILD)/assay.iso)  ## boot the kernel in QEMU
	@$(PYTHON) scripts/qemu_runner.py run --boot $(BOOT) --display $(DISPLAY_MODE) \
	    $(if $(MEMORY),--memory $(MEMORY)) $(if $(CPU),--cpu $(call quoted,CPU)) \
	    $(if $(CPUS),--cpus $(CPUS)) $(if $(value WORDS),--append=$(call quoted,WORDS))

# What to boot, to look at it: a test, or the kernel; WORDS are for its command line.
TEST =
WORDS =
PROFILE =

.PHONY: debug
debug: $(IMAGES) $(if $(filter bios uefi,$(PROFILE)),$(ISOS))  ## boot stopped, with gdb; TEST=NAME, else the kernel
	$(call need,gdb,gdb)
	@$(PYTHON) scripts/qemu_runner.py debug $(if $(TEST),$(call quoted,TEST)) \
	    $(if $(PROFILE),--profile $(PROFILE)) $(if $(value WORDS),--append=$(call quoted,WORDS))

$(eval $(call sources_rules,$(OBJECTS)/host/unit_tests,$(HOST_OBJECTS),$(HOST_IMAGE_FILES)))
$(BUILD)/host/unit_tests: $(HOST_OBJECTS) $(OBJECTS)/host/unit_tests_sources.o scripts/make/test_records.py
	@mkdir -p $(@D)
	$(call quiet,LD $@)$(CC) -no-pie -fsanitize=address,undefined $(filter %.o,$^) -o $@.new
	@$(check_records) $@.new && mv -f $@.new $@

PT_TRACE_OBJECTS = $(patsubst %,$(OBJECTS)/host/%.o,tests/host/pt_trace.c $(HOST_MACHINE_SOURCES) \
    $(MODEL_SOURCES) $(MM_SOURCES))
$(eval $(call list_rule,$(OBJECTS)/host/pt_trace,$(PT_TRACE_OBJECTS)))
$(BUILD)/host/pt_trace: $(PT_TRACE_OBJECTS) $(OBJECTS)/host/pt_trace.list
	@mkdir -p $(@D)
	$(call quiet,LD $@)$(CC) -no-pie -fsanitize=address,undefined $(filter %.o,$^) -o $@.new
	@mv -f $@.new $@

host-tests: $(BUILD)/host/unit_tests $(BUILD)/host/pt_trace  ## build the tests that run on the host

test: all host-tests $(HARNESS_IMAGES) | test-tools  ## run all tests
	@rm -f $(call quoted,JUNIT)
	@$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=. -n $(JOBS) --junitxml=$(call quoted,JUNIT) \
	    $(if $(value K),-k $(call quoted,K)) tests

# Each step shows nothing but what is wrong, and one line of how it ended.
define checked
@$(2) >$(BUILD)/check.log 2>&1 || { grep -v '^ok \|^# subcase .*: ok$$' $(BUILD)/check.log >&2; echo "check: $(1) failed" >&2; exit 1; }
@tail -n 1 $(BUILD)/check.log
endef

.PHONY: check
check: $(IMAGES) host-tests  ## in seconds, what to run before each commit: builds, checks, quick tests
	$(call checked,order of rooms,$(PYTHON) ci/check_layering.py)
	$(call checked,order of scripts,$(PYTHON) ci/check_imports.py)
	$(call checked,headers,CC="$(CC)" ci/check_headers.sh)
	$(call checked,documents,$(PYTHON) ci/check_fragments.py)
	$(call checked,tests on the host,$(BUILD)/host/unit_tests without=slow)
	$(call checked,tests in the kernel,$(PYTHON) scripts/qemu_runner.py test --profile fast)

# Machines drawn at random: how many, and the seed that draws the first of them.
SAMPLE = 20
.PHONY: matrix
matrix: all  ## run the suite on SAMPLE= machines drawn at random; SEED=
	@$(PYTHON) scripts/qemu_runner.py matrix --sample $(SAMPLE) $(if $(SEED),--seed $(SEED)) \
	    $(if $(filter-out auto,$(JOBS)),--jobs $(JOBS))

# What a seed that fails has said is in build/seeds at once.
SEEDS ?= 1-300
.PHONY: test-seeds
test-seeds: all host-tests $(HARNESS_IMAGES) | test-tools  ## run what is random with each of SEEDS=1-300
	@SEEDS=$(SEEDS) $(PYTHON) -m pytest -c tests/pytest.ini --rootdir=. -n $(JOBS) -v tests/seeds_run.py

report:  ## a page on the last `make test`: build/report/index.html
	@$(PYTHON) scripts/report.py --junit $(BUILD)/junit.xml --output $(BUILD)/report/index.html

conformance: $(BUILD)/assay-conformance.elf | test-tools  ## compare the CPU's MMU with the manual, all of it
	@$(PYTHON) -m pytest -c tests/pytest.ini --rootdir=. -n $(JOBS) $(if $(value K),-k $(call quoted,K)) -q \
	    tests/kernel/conformance/full_run.py

# Any SEED and any number of commands; those that end the kernel are shown, as few as it takes.
drive-prompt: $(BUILD)/assay.elf | test-tools  ## type random commands on ten machines; COMMANDS=2000 SEED=N
	@COMMANDS=$(COMMANDS) $(if $(SEED),SEED=$(SEED)) $(PYTHON) -m pytest -c tests/pytest.ini --rootdir=. \
	    -n $(JOBS) $(if $(value K),-k $(call quoted,K)) -q tests/kernel/test_random_prompt.py

# Always clang, which has libFuzzer. FUZZ_SECONDS are shared by the targets, or TARGET= has them all.
# What a target finds is left in build/fuzz/NAME, as an input that the program takes as its argument.
FUZZ_SECONDS = 60
TARGET =
FUZZ_TARGETS = boot fw_cfg memory_map page_table prompt
FUZZ_CFLAGS = $(filter-out -fsanitize=%,$(HOST_CFLAGS)) -fsanitize=fuzzer,address,undefined
fuzz_boot_SOURCES = $(patsubst %,kernel/boot_info/%.c,boot_info memory_map multiboot2 pvh) \
    kernel/state/command_line.c kernel/paging/strategy.c mm/table_access.c
fuzz_fw_cfg_SOURCES = kernel/drivers/fw_cfg_file.c kernel/state/command_line.c kernel/paging/strategy.c \
    mm/table_access.c
fuzz_memory_map_SOURCES = kernel/boot_info/memory_map.c tests/host/memory_map_model.c
fuzz_page_table_SOURCES = $(HOST_MACHINE_SOURCES) $(HOST_MODEL_SOURCES) $(MODEL_SOURCES) $(MM_SOURCES)
fuzz_prompt_SOURCES = kernel/state/command_line.c kernel/paging/strategy.c mm/table_access.c kernel/lib/format.c \
    kernel/console/terminal_keys.c kernel/console/scancode.c \
    $(patsubst %,kernel/line/%.c,completion expression history line_editor words)

$(BUILD)/fuzz/%.c.o: %.c Makefile
	$(call need,clang,clang)
	@mkdir -p $(@D)
	$(call quiet,CC (fuzz) $<)clang $(FUZZ_CFLAGS) -c $< -o $@

fuzz_objects = $(patsubst %,$(BUILD)/fuzz/%.o,tests/host/fuzz_$(1).c $(fuzz_$(1)_SOURCES))

define fuzz_rules
$(BUILD)/fuzz/fuzz_$(1): $(call fuzz_objects,$(1)) $(BUILD)/fuzz/fuzz_$(1).list
	@clang -no-pie -fsanitize=fuzzer,address,undefined $$(filter %.o,$$^) -o $$@

.PHONY: fuzz-$(1)
fuzz-$(1): $(BUILD)/fuzz/fuzz_$(1)
	@mkdir -p $(BUILD)/fuzz/$(1)/corpus
	@echo "fuzz_$(1):" && $$< -max_total_time=$$(FUZZ_SHARE) -artifact_prefix=$(BUILD)/fuzz/$(1)/ \
	    -print_final_stats=1 -verbosity=0 $(BUILD)/fuzz/$(1)/corpus || \
	    { echo "fuzz_$(1) found something; again: $$< $(BUILD)/fuzz/$(1)/FILE, as named above" >&2; exit 1; }
endef
$(foreach target,$(FUZZ_TARGETS),$(eval \
    $(call list_rule,$(BUILD)/fuzz/fuzz_$(target),$(call fuzz_objects,$(target)))))
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_rules,$(target))))

FUZZ_CHOSEN = $(if $(TARGET),$(TARGET),$(FUZZ_TARGETS))
FUZZ_SHARE = $(shell echo $$(($(FUZZ_SECONDS) / $(words $(FUZZ_CHOSEN)) + 1)))
fuzz: $(addprefix fuzz-,$(FUZZ_CHOSEN))  ## look for inputs that break a parser or its model; TARGET=NAME of one

# mm/ for other kernels: position-independent, so that it can be linked anywhere, with the port header
# that PORT has. The port is compiled in, so another one rebuilds it.
PORT = tests/host/example/port
LIBMM_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) -I. -I$(PORT) -MMD -MP -ffreestanding -fpie \
    -mno-red-zone -mgeneral-regs-only -fno-stack-protector -fno-strict-aliasing
LIBMM = $(OBJECTS)/libmm

.PHONY: libmm
libmm: $(BUILD)/libassay_mm.a  ## the page-table library and its headers; PORT=DIR holds mm_port.h

$(PORT)/mm_port.h:
	@echo "$@ is missing: PORT= names the directory of the port header; see docs/mm.md" >&2; exit 1

$(LIBMM)/port: FORCE
	@mkdir -p $(@D) && { echo "$(PORT)" | cmp -s - $@ || echo "$(PORT)" >$@; }

$(LIBMM)/%.o: %.c $(LIBMM)/port $(PORT)/mm_port.h Makefile | build-tools
	@mkdir -p $(@D)
	$(call quiet,CC (libmm) $<)$(CC) $(LIBMM_CFLAGS) -c $< -o $@

LIBMM_OBJECTS = $(patsubst %.c,$(LIBMM)/%.o,$(MM_SOURCES))
$(eval $(call list_rule,$(LIBMM)/library,$(LIBMM_OBJECTS) $(wildcard mm/*.h)))
$(BUILD)/libassay_mm.a: $(LIBMM_OBJECTS) $(LIBMM)/library.list $(wildcard mm/*.h)
	@rm -rf $@ $(BUILD)/include && mkdir -p $(BUILD)/include/mm
	@cp mm/*.h $(BUILD)/include/mm/ && cp $(PORT)/mm_port.h $(BUILD)/include/
	$(call quiet,AR $@)ar rcs $@ $(filter %.o,$^)

# Where the library is installed; DESTDIR stands before it while a package is made.
PREFIX = /usr/local
DESTDIR =
INSTALL = install
INSTALLED = $(call quoted,DESTDIR)$(call quoted,PREFIX)
# pkg-config gives words to a shell: a backslash takes the meaning from the character behind it.
PC_ESCAPE = sed -e 's/[^[:alnum:]_./+=:@~-]/\\&/g'
VERSION := $(shell cat VERSION)

.PHONY: install release doxygen
install: $(BUILD)/libassay_mm.a  ## install the library, its headers and assay-mm.pc; PREFIX=, DESTDIR=, PORT=
	$(INSTALL) -d $(INSTALLED)/lib/pkgconfig $(INSTALLED)/include/assay-mm/mm
	$(INSTALL) -m 644 $(BUILD)/libassay_mm.a $(INSTALLED)/lib/
	$(INSTALL) -m 644 $(BUILD)/include/mm_port.h $(INSTALLED)/include/assay-mm/
	$(INSTALL) -m 644 $(BUILD)/include/mm/*.h $(INSTALLED)/include/assay-mm/mm/
	@{ printf 'prefix=%s\n' $(call quoted,PREFIX) | $(PC_ESCAPE); \
	    sed -e 's|@VERSION@|$(VERSION)|' mm/assay-mm.pc.in; } >$(BUILD)/assay-mm.pc
	$(INSTALL) -m 644 $(BUILD)/assay-mm.pc $(INSTALLED)/lib/pkgconfig/

# What is committed, and nothing else. The same commit gives the same bytes.
RELEASE = assay-$(VERSION)
release:  ## make build/assay-VERSION.tar.gz of what is committed
	$(call need,git,git)
	@test -e .git || \
	    { echo "release: this is no git repository, so it is not known what belongs in" >&2; exit 1; }
	@git diff --quiet HEAD || \
	    { echo "release: there are changes that are not committed: commit or stash them" >&2; exit 1; }
	@mkdir -p $(BUILD)
	@git archive --prefix=$(RELEASE)/ -o $(BUILD)/$(RELEASE).tar.gz HEAD
	@echo $(BUILD)/$(RELEASE).tar.gz

doxygen:  ## make the reference of mm/ and testing/: build/doxygen/html/index.html
	$(call need,doxygen,doxygen)
	@rm -rf $(BUILD)/doxygen && mkdir -p $(BUILD)/doxygen
	@{ cat docs/Doxyfile; echo 'OUTPUT_DIRECTORY = "$(BUILD)/doxygen"'; \
	    echo 'PROJECT_NUMBER = $(VERSION)'; } | doxygen -

# AT is a function, where the picture is taken.
AT =
map: $(BUILD)/assay$(if $(TEST),-test).elf  ## draw the page tables of a boot; TEST=NAME of a test
	@$(PYTHON) scripts/qemu_runner.py map $(if $(TEST),$(call quoted,TEST)) --append=$(call quoted,WORDS) \
	    --output $(BUILD)/map $(if $(AT),--at $(call quoted,AT)) $(if $(PROFILE),--profile $(PROFILE))

figures: $(BUILD)/assay.elf $(BUILD)/assay-test.elf  ## make docs/figures/ from page tables of the kernel
	@$(PYTHON) scripts/figures.py

# For editors: how each C file is compiled. A file of several images or of kernel and host has an
# entry for each way of compiling it, the kernel's first.
c_sources = $(sort $(patsubst $(OBJECTS)/%.c.o,%.c,$(filter %.c.o,$(1))))

compile_commands.json: FORCE  ## how each file is compiled, for editors and clangd
	@$(PYTHON) scripts/make/compile_commands.py $@ \
	    --group '$(CC) $(KERNEL_CFLAGS)' $(call c_sources,$(foreach image,$(filter assay%_OBJECTS,$(.VARIABLES)),$($(image)))) \
	    --group '$(CC) $(HOST_CFLAGS)' $(sort $(HOST_TEST_SOURCES) $(HOST_PURE_SOURCES) $(HOST_PROGRAMS)) \
	    --group '$(CC) $(BENCH_CFLAGS)' $(sort $(BENCH_SOURCES) tests/bench/frame_bench.c) \
	    --group '$(CC) $(LIBMM_CFLAGS)' $(wildcard tests/host/example/*.c)

.PHONY: architecture
architecture:  ## draw docs/architecture.svg, and the tables beside it, from ci/rooms and the #includes
	$(call need,dot,graphviz)
	@$(PYTHON) ci/include_graph.py docs/architecture.svg
	@$(PYTHON) ci/room_table.py docs/architecture.md

screenshot: $(BUILD)/assay.iso  ## take docs/screen.png from the running kernel; BOOT=uefi: docs/screen-uefi.png
	@$(PYTHON) scripts/qemu_runner.py screenshot --boot $(BOOT) docs/screen$(if $(filter uefi,$(BOOT)),-uefi).png

$(BUILD)/bench/exit_at_once.elf: tests/bench/exit_at_once.asm
	@mkdir -p $(@D)
	@$(NASM) -w+all -Werror -f elf32 $< -o $(@:.elf=.o)
	@$(LD) -m elf_i386 -nostdlib -z noexecstack -z noseparate-code -Ttext-segment=0x100000 -e start \
	    $(@:.elf=.o) -o $@

bench-boot: $(BUILD)/bench/exit_at_once.elf $(BUILD)/assay-test.elf  ## time a boot against the least possible
	@$(PYTHON) tests/bench/boot_bench.py

bench-harness: $(BUILD)/assay-test.elf  ## time the harness against bare QEMU
	@$(PYTHON) tests/bench/harness_bench.py

# The library's figures: compiled as a user would, without sanitizers.
BENCH_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) -I. -Itests/bench/port -MMD -MP
BENCH_SOURCES = $(filter-out tests/bench/tlb_bench.c tests/bench/frame_bench.c,$(wildcard tests/bench/*.c))
bench_objects = $(patsubst %.c,$(OBJECTS)/bench/%.o,$(1))

$(OBJECTS)/bench/%.o: %.c Makefile | build-tools
	@mkdir -p $(@D)
	$(call quiet,CC (bench) $<)$(CC) $(BENCH_CFLAGS) -c $< -o $@

PAGE_TABLE_BENCH_OBJECTS = $(call bench_objects,$(BENCH_SOURCES) $(MM_SOURCES))
$(eval $(call list_rule,$(OBJECTS)/bench/page_table_bench,$(PAGE_TABLE_BENCH_OBJECTS)))
$(OBJECTS)/bench/page_table_bench: $(PAGE_TABLE_BENCH_OBJECTS) $(OBJECTS)/bench/page_table_bench.list
	@$(CC) $(filter %.o,$^) -o $@

FRAME_BENCH_OBJECTS = $(call bench_objects,tests/bench/frame_bench.c $(MM_SOURCES))
$(eval $(call list_rule,$(OBJECTS)/bench/frame_bench,$(FRAME_BENCH_OBJECTS)))
$(OBJECTS)/bench/frame_bench: $(FRAME_BENCH_OBJECTS) $(OBJECTS)/bench/frame_bench.list
	@$(CC) $(filter %.o,$^) -o $@

bench-host: $(OBJECTS)/bench/page_table_bench $(OBJECTS)/bench/frame_bench  ## the library against the least possible
	@taskset -c 1 $(OBJECTS)/bench/page_table_bench
	@taskset -c 1 $(OBJECTS)/bench/frame_bench
	@$(PYTHON) tests/bench/text_size.py $(call objects,$(MM_SOURCES)) -- $(CC) $(KERNEL_CFLAGS)

ACCEL ?= tcg
BENCH_CPU = $(if $(filter kvm,$(ACCEL)),host$(comma)-arch-capabilities,max)
bench-tlb: $(BUILD)/assay-bench.elf  ## cost of flushing, and of reads by page size; ACCEL=kvm to be real
	@qemu-system-x86_64 -M pc -accel $(ACCEL) -cpu $(BENCH_CPU) -bios qboot.rom -m 64M -nodefaults \
	    -display none -no-reboot -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
	    -kernel $< </dev/null; test $$? = 33

clean:  ## remove what was made
	rm -rf $(BUILD)

FORCE:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
