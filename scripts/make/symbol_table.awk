# Turns `nm -n` of a linked kernel into the NASM source of its symbol table: see
# kernel/layout/symbols.h. Functions in the kernel's part of the address space only.
# base: LAYOUT_KERNEL, where offsets are counted from.

BEGIN { count = 0 }

$2 ~ /^[tT]$/ && $1 ~ /^ffffffff/ && $3 !~ /^image_/ {
    offsets[count] = substr($1, 9)
    names[count] = $3
    count++
}

END {
    print "section .symbols progbits alloc noexec nowrite align=8"
    print "global symbol_table"
    print "symbol_table:"
    printf "    dq %d\n", count
    name_offset = 0
    for (i = 0; i < count; i++) {
        printf "    dd 0x%s - 0x%s, %d\n", offsets[i], substr(base, 11), name_offset
        name_offset += length(names[i]) + 1
    }
    for (i = 0; i < count; i++) {
        printf "    db \"%s\", 0\n", names[i]
    }
    print "section .note.GNU-stack noalloc noexec nowrite progbits"
}
