/* The test image's own entry, for a kernel that tampers with what it reports and how it ends. */
#define kernel_entry test_image_entry
#define serial_write tampered_serial_write
#define debug_exit tampered_debug_exit
#include "kernel/test_mode/main.c"
