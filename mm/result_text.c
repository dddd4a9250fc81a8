#include "mm/page_table.h"

const char *translate_result_text(enum translate_result result)
{
    switch (result) {
    case TRANSLATE_OK:
        return "ok";
    case TRANSLATE_NOT_MAPPED:
        return "not mapped";
    case TRANSLATE_NOT_CANONICAL:
        return "not canonical: the upper bits must copy the highest translated bit";
    }
    return "no result of translate";
}

const char *map_result_text(enum map_result result)
{
    switch (result) {
    case MAP_OK:
        return "ok";
    case MAP_ALREADY_MAPPED:
        return "the page is already mapped: unmap it first";
    case MAP_INSIDE_HUGE_PAGE:
        return "the page lies inside a mapped huge page: unmap or split that first";
    case MAP_OVER_TABLE:
        return "smaller pages are mapped there: unmap them and clean up first";
    case MAP_NO_FRAME:
        return "frame allocation failed: the source has too few for the missing tables";
    case MAP_FRAME_UNREACHABLE:
        return "the source gave a frame that the table access cannot reach";
    case MAP_MISALIGNED:
        return "page and frame must be multiples of the page size";
    case MAP_NOT_CANONICAL:
        return "not canonical: the upper bits must copy the highest translated bit";
    case MAP_BAD_ADDRESS:
        return "the physical address has more bits than the CPU";
    case MAP_BAD_FLAGS:
        return "the flags lack PRESENT or have address bits set";
    case MAP_FEATURE_ABSENT:
        return "the CPU lacks no-execute or 1 GiB pages, which the mapping asks for";
    }
    return "no result of map_to";
}

const char *unmap_result_text(enum unmap_result result)
{
    switch (result) {
    case UNMAP_OK:
        return "ok";
    case UNMAP_NOT_MAPPED:
        return "the page is not mapped";
    case UNMAP_INSIDE_HUGE_PAGE:
        return "the page lies inside a larger one: unmap that, or split it first";
    case UNMAP_OVER_TABLE:
        return "smaller pages are mapped there: unmap each of them";
    case UNMAP_MISALIGNED:
        return "the page must be a multiple of its size";
    case UNMAP_NOT_CANONICAL:
        return "not canonical: the upper bits must copy the highest translated bit";
    }
    return "no result of unmap";
}
