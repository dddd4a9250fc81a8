"""A harness for kernels: boots one in QEMU, judges what it says, keeps what explains a failure.

It knows no kernel: what it is to boot is handed in.
"""
