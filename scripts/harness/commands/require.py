"""What must be there before a command boots anything."""

from __future__ import annotations

import shutil

from harness.host.fault import EnvironmentFault
from harness.machine.profile import KVM, Profile
from harness.machine.project import project
from harness.qemu.command_line import image_to_boot, qemu_binary
from harness.suite.kernel_tests import find_kvm_fault


def require(profile: Profile, image: str) -> None:
    """Raises EnvironmentFault unless QEMU, the firmware and the image are all there."""
    if shutil.which(qemu_binary()) is None:
        text = f"{qemu_binary()} is missing (Debian package qemu-system-x86; {project().setup})"
        raise EnvironmentFault(text)
    image_to_boot(profile, image)
    if profile.runs_on == KVM:
        fault = find_kvm_fault()
        if fault:
            raise EnvironmentFault(fault)
