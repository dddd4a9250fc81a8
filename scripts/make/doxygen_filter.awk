# Marks the comments of a header as documentation for Doxygen, line by line: the first one is the
# file's, one that begins a line belongs to what follows, and one behind a member to that member.
# @thisfile, @flush and @source are aliases of docs/Doxyfile.

/^ *\/?\* / {
    gsub(/\\/, "\\\\\\\\")
}

NR == 1 {
    sub(/^\/\* /, "/** @thisfile ")
}

/^ *\/\* / {
    sub(/\/\* /, "/** ")
}

/[^ *\/].*\/\* / && !/^ *\*/ {
    sub(/\/\* /, "/**< ")
}

{
    sub(/^ \* Needs: */, " * @pre ")
    sub(/^ \* Returns: */, " * @return ")
    sub(/^ \* Flush: */, " * @flush ")
    sub(/^ \* Source: */, " * @source ")
    print
}
