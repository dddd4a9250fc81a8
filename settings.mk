# The settings of the Makefile: `make NAME=VALUE ...`. Each has a pattern that its value must match, so
# that a wrong one is refused by name before anything is built. `make help` shows this table.

# A setting's value as one word of the shell's, whatever characters it has.
quoted = '$(subst ','\'',$(value $(1)))'

# $(call setting,NAME,extended regular expression,the values in words,what it is)
# A pattern of words and `|` alone shows itself.
define setting
SETTINGS += $(1)
$(1)_PATTERN = $(2)
$(1)_VALUES = $(if $(3),$(3),$(2))
$(1)_MEANING = $(4)
endef
COUNT = [1-9][0-9]*
ANY = .*
# What can be in the name of a target.
PLAIN = [[:alnum:]_./+@~-]+
PLAIN_MEANING = a directory with a path of letters and digits and _./+@~-
COMPILER = ([^ ]*/)?([[:alnum:]_]+-)*(gcc|clang)(-[0-9.]+)?
comma = ,
# Asked for when it is needed: reading the table takes a moment.
PROFILE_NAMES = $(shell $(PYTHON) -c "import sys; sys.path.insert(0, 'scripts'); \
    from assay.machines import PROFILES; print('|'.join(PROFILES))")

$(eval $(call setting,BOOT,bios|uefi|pvh,,how run and screenshot boot))
$(eval $(call setting,DISPLAY_MODE,none|window,,where run shows the screen))
$(eval $(call setting,MEMORY,([1-9][0-9]*[KMGT]?)?,a size such as 64M,memory of the machine that run boots))
$(eval $(call setting,CPU,[^ ]*,a model,the CPU of that machine as QEMU names it))
$(eval $(call setting,CPUS,($(COUNT))?,a number from 1,how many CPUs it has))
$(eval $(call setting,WORDS,$(ANY),words,what run or debug or map adds to the kernel's command line))
$(eval $(call setting,TEST,[^ ]*,a name,the test that debug or map boots))
$(eval $(call setting,PROFILE,($$(PROFILE_NAMES))?,$$(PROFILE_NAMES),the machine of debug and map))
$(eval $(call setting,AT,[^ ]*,a function,where map takes the picture))
$(eval $(call setting,K,$(ANY),a pattern,the tests to run as pytest's -k chooses them))
$(eval $(call setting,JOBS,auto|$(COUNT),auto|a number from 1,tests at a time))
$(eval $(call setting,SEED,([0-9]+|0x[0-9a-fA-F]+)?,a number,what random tests start from))
$(eval $(call setting,SEEDS,[0-9]+(-[0-9]+)?,FIRST-LAST,the seeds of test-seeds))
$(eval $(call setting,SAMPLE,$(COUNT),a number from 1,machines that matrix draws))
$(eval $(call setting,COMMANDS,$(COUNT),a number from 1,commands that drive-prompt types on each machine))
$(eval $(call setting,FUZZ_SECONDS,$(COUNT),a number from 1,how long fuzz looks in all))
$(eval $(call setting,TARGET,(boot|fw_cfg|memory_map|page_table|prompt)?,boot|fw_cfg|memory_map|page_table|prompt,what fuzz runs instead of all))
$(eval $(call setting,ACCEL,tcg|kvm,,what runs the guest's instructions))
$(eval $(call setting,CC,$(COMPILER),gcc|clang,the compiler))
$(eval $(call setting,NASM,.+,a program,the assembler))
$(eval $(call setting,LD,.+,a program,the linker))
$(eval $(call setting,NM,.+,a program,what lists symbols))
$(eval $(call setting,PYTHON,.+,a program,the Python that runs scripts and tests))
$(eval $(call setting,FONT,$(ANY),a PSF file,the font of the framebuffer console))
$(eval $(call setting,BUILD,$(PLAIN),$(PLAIN_MEANING),where all that is built goes))
$(eval $(call setting,JUNIT,.+,a file,where test leaves its results))
$(eval $(call setting,PORT,$(PLAIN),$(PLAIN_MEANING),where the mm_port.h of libmm and install is))
$(eval $(call setting,PREFIX,/.*,an absolute path,where install puts the library))
$(eval $(call setting,DESTDIR,$(ANY),a directory,what stands before PREFIX while a package is made))
$(eval $(call setting,INSTALL,.+,a program,what copies files for install))
$(eval $(call setting,V,0|1,,1 shows the commands))

# These are also taken from the environment.
given = $(or $(filter command,$(firstword $(origin $(1)))),$(and $(filter environment,$(firstword \
    $(origin $(1)))),$(filter SEED SEEDS ACCEL,$(1))))
matches = $(shell printf '%s\n' $(call quoted,$(1)) | grep -Eqx -e '$($(1)_PATTERN)' && echo yes)
check_setting = $(if $(call given,$(1)),$(if $(call matches,$(1)),,\
    $(error $(1)=$(value $(1)): expected $(subst |,$(comma) ,$($(1)_VALUES)); `make help` lists the settings)))
$(foreach name,$(SETTINGS),$(call check_setting,$(name)))

known = $(filter $(1),$(SETTINGS) MAKEFLAGS SHELL)
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(if $(call known,$(name)),,\
    $(error $(name)=$(value $(name)): there is no setting $(name); `make help` lists them))))

# What is free text reaches the commands through `quoted` alone: make would expand it for the environment.
unexport WORDS K TEST AT
