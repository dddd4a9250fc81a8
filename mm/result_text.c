#include "mm/page_range.h"

/* Phrases that several operations share. */
static const char NOT_CANONICAL[] =
    "not canonical: the upper bits must copy the highest translated bit";
static const char INSIDE_HUGE_PAGE[] =
    "the address lies inside a mapped huge page: unmap or split that first";
static const char OVER_TABLE[] = "smaller pages are mapped there: unmap them first";
static const char MISALIGNED[] = "the page must be a multiple of its size";
static const char BAD_SIZE[] = "the size is none of 4 KiB, 2 MiB and 1 GiB";
static const char NO_FRAME[] =
    "frame allocation failed: the source has too few for the missing tables";
static const char FRAME_UNREACHABLE[] =
    "the source gave a frame that the table access cannot reach";
static const char BAD_FLAGS[] = "the flags lack PRESENT or have bits set that they may not have";
static const char FEATURE_ABSENT[] = "the CPU lacks no-execute or 1 GiB pages, which are asked for";

const char *translate_result_text(enum translate_result result)
{
    switch (result) {
    case TRANSLATE_OK:
        return "ok";
    case TRANSLATE_NOT_MAPPED:
        return "not mapped";
    case TRANSLATE_NOT_CANONICAL:
        return NOT_CANONICAL;
    }
    return "no such result";
}

const char *page_result_text(enum page_result result)
{
    switch (result) {
    case PAGE_OK:
        return "ok";
    case PAGE_NOT_MAPPED:
        return "the page is not mapped";
    case PAGE_INSIDE_HUGE_PAGE:
        return INSIDE_HUGE_PAGE;
    case PAGE_OVER_TABLE:
        return OVER_TABLE;
    case PAGE_MISALIGNED:
        return MISALIGNED;
    case PAGE_NOT_CANONICAL:
        return NOT_CANONICAL;
    case PAGE_BAD_SIZE:
        return BAD_SIZE;
    }
    return "no such result";
}

const char *map_result_text(enum map_result result)
{
    switch (result) {
    case MAP_OK:
        return "ok";
    case MAP_ALREADY_MAPPED:
        return "the page is already mapped: unmap it first";
    case MAP_INSIDE_HUGE_PAGE:
        return INSIDE_HUGE_PAGE;
    case MAP_OVER_TABLE:
        return OVER_TABLE;
    case MAP_NO_FRAME:
        return NO_FRAME;
    case MAP_FRAME_UNREACHABLE:
        return FRAME_UNREACHABLE;
    case MAP_MISALIGNED:
        return "page and frame must be multiples of the page size";
    case MAP_NOT_CANONICAL:
        return NOT_CANONICAL;
    case MAP_BAD_ADDRESS:
        return "the physical address has more bits than the CPU";
    case MAP_BAD_FLAGS:
        return BAD_FLAGS;
    case MAP_BAD_SIZE:
        return BAD_SIZE;
    case MAP_FEATURE_ABSENT:
        return FEATURE_ABSENT;
    }
    return "no such result";
}

const char *update_result_text(enum update_result result)
{
    switch (result) {
    case UPDATE_OK:
        return "ok";
    case UPDATE_NOT_MAPPED:
        return "nothing is mapped there";
    case UPDATE_INSIDE_HUGE_PAGE:
        return INSIDE_HUGE_PAGE;
    case UPDATE_OVER_TABLE:
        return OVER_TABLE;
    case UPDATE_MISALIGNED:
        return MISALIGNED;
    case UPDATE_NOT_CANONICAL:
        return NOT_CANONICAL;
    case UPDATE_BAD_FLAGS:
        return BAD_FLAGS;
    case UPDATE_BAD_SIZE:
        return "there is no page of this size, or no table of this level";
    case UPDATE_FEATURE_ABSENT:
        return FEATURE_ABSENT;
    }
    return "no such result";
}

const char *split_result_text(enum split_result result)
{
    switch (result) {
    case SPLIT_OK:
        return "ok";
    case SPLIT_NOT_MAPPED:
        return "the page is not mapped";
    case SPLIT_INSIDE_HUGE_PAGE:
        return "the page lies inside a larger one: split that first";
    case SPLIT_OVER_TABLE:
        return "the page is split already";
    case SPLIT_NO_FRAME:
        return "frame allocation failed: a split needs one frame for the table";
    case SPLIT_FRAME_UNREACHABLE:
        return FRAME_UNREACHABLE;
    case SPLIT_MISALIGNED:
        return MISALIGNED;
    case SPLIT_NOT_CANONICAL:
        return NOT_CANONICAL;
    case SPLIT_BAD_SIZE:
        return "only pages of 2 MiB and 1 GiB can be split";
    }
    return "no such result";
}

const char *merge_result_text(enum merge_result result)
{
    switch (result) {
    case MERGE_OK:
        return "ok";
    case MERGE_NOT_MAPPED:
        return "not all of the smaller pages are mapped";
    case MERGE_INSIDE_HUGE_PAGE:
        return "a page of this size or a larger one is there already";
    case MERGE_OVER_TABLE:
        return "one of the pages is made of smaller ones: merge those first";
    case MERGE_NOT_CONTIGUOUS:
        return "the frames of the pages do not follow each other";
    case MERGE_FRAME_MISALIGNED:
        return "the first frame is no multiple of the huge page's size";
    case MERGE_FLAGS_DIFFER:
        return "the pages differ in flags other than accessed and dirty";
    case MERGE_MISALIGNED:
        return MISALIGNED;
    case MERGE_NOT_CANONICAL:
        return NOT_CANONICAL;
    case MERGE_BAD_SIZE:
        return "pages can be merged to 2 MiB and 1 GiB only";
    case MERGE_FEATURE_ABSENT:
        return "the CPU lacks 1 GiB pages";
    }
    return "no such result";
}

const char *range_result_text(enum range_result result)
{
    switch (result) {
    case RANGE_OK:
        return "ok";
    case RANGE_INSIDE_HUGE_PAGE:
        return "an end of the range lies inside a huge page: split that first";
    case RANGE_MISALIGNED:
        return "the range must begin at a multiple of 4 KiB";
    case RANGE_NOT_CANONICAL:
        return "the range reaches addresses that are not canonical";
    case RANGE_BAD_FLAGS:
        return BAD_FLAGS;
    case RANGE_FEATURE_ABSENT:
        return FEATURE_ABSENT;
    }
    return "no such result";
}
