"use strict";

/* Finds an address in page tables and shows its walk.
 *
 * `page` holds the snapshots as page_snapshot.py writes them, the latest last. Addresses and
 * entries are BigInts: a double holds only 53 bits. */
const page = JSON.parse(document.getElementById("page-tables").textContent);

const PRESENT = 1n << 0n, WRITABLE = 1n << 1n, USER = 1n << 2n, HUGE = 1n << 7n;
const NO_EXECUTE = 1n << 63n, FRAME_MASK = 0x000ffffffffff000n, WORD_END = 1n << 64n;
const SIZES = { 1: "4 KiB", 2: "2 MiB", 3: "1 GiB" };
const CANDIDATES_MAX = 8;

/* The lowest bit of an address that selects an entry of a table at `level`. */
function shiftOf(level) {
    return BigInt(12 + 9 * (level - 1));
}

function hex(value, digits = 1) {
    return "0x" + value.toString(16).padStart(digits, "0");
}

/* In octal an index is three digits: sign extension, one index a level, place in the page. */
function octal(address, levels) {
    const parts = [];
    for (let level = levels; level > 0; level--) {
        parts.push((address >> shiftOf(level) & 0o777n).toString(8).padStart(3, "0"));
    }
    const signDigits = Math.ceil((64 - Number(shiftOf(levels + 1))) / 3);
    const sign = (address >> shiftOf(levels + 1)).toString(8).padStart(signDigits, "0");
    const place = (address & 0o7777n).toString(8).padStart(4, "0");
    return "0o" + [sign, ...parts, place].join("_");
}

/* The address with its highest translated bit copied upwards. */
function canonical(address, levels) {
    const bits = shiftOf(levels + 1);
    return BigInt.asUintN(64, BigInt.asIntN(Number(bits), address));
}

function isLeaf(entry, level) {
    return level === 1 || (level <= 3 && (entry & HUGE) !== 0n);
}

function target(entry, level) {
    const frame = entry & FRAME_MASK;
    return isLeaf(entry, level) ? frame >> shiftOf(level) << shiftOf(level) : frame;
}

function permissions(rights) {
    return "r" + (rights.writable ? "w" : "-") + (rights.executable ? "x" : "-") +
        (rights.user ? "u" : "-");
}

function flagNames(entry, level) {
    const leaf = isLeaf(entry, level);
    const names = [[0, "P"], [1, "W"], [2, "U"], [3, "PWT"], [4, "PCD"], [5, "A"]];
    if (leaf) {
        names.push([6, "D"], [7, level === 1 ? "PAT" : "PS"], [8, "G"]);
        if (level > 1) {
            names.push([12, "PAT"]);
        }
    }
    names.push([63, "NX"]);
    return names.filter(([bit]) => entry >> BigInt(bit) & 1n).map(([, name]) => name).join(" ");
}

/* The entry of a table, or null where no memory answers for the table. */
function entryAt(snapshot, table, index) {
    const runs = snapshot.tables[hex(table)];
    if (runs === undefined) {
        return null;
    }
    for (const [first, count, bits, step] of runs) {
        if (index >= first && index < first + count) {
            return BigInt(bits) + BigInt(index - first) * BigInt(step);
        }
    }
    return 0n;
}

/* What the CPU does: a step for each level, down to a page or to where it ends.
 * Returns: {steps, physical, level, rights}; physical is null if nothing is mapped. */
function walk(snapshot, address) {
    const steps = [];
    const rights = { writable: true, executable: true, user: true };
    let table = BigInt(snapshot.root);
    for (let level = snapshot.levels; level > 0; level--) {
        const index = Number(address >> shiftOf(level) & 511n);
        const entry = entryAt(snapshot, table, index);
        const step = { level, table, index, entry };
        steps.push(step);
        if (entry === null || !(entry & PRESENT)) {
            return { steps, physical: null, level, rights };
        }
        rights.writable &&= (entry & WRITABLE) !== 0n;
        rights.user &&= (entry & USER) !== 0n;
        rights.executable &&= (entry & NO_EXECUTE) === 0n;
        step.flags = flagNames(entry, level);
        step.rights = permissions(rights);
        step.next = target(entry, level);
        if (isLeaf(entry, level)) {
            const inside = address & (1n << shiftOf(level)) - 1n;
            return { steps, physical: step.next + inside, level, rights };
        }
        table = step.next;
    }
    throw new Error("a level-1 entry is a leaf");
}

/* The address that a name, as of a function or an area, stands for; null if there is none. */
function namedAddress(snapshot, name) {
    const wanted = name.toLowerCase();
    const all = [...snapshot.names.map(([start, , text]) => [text, start]),
        ...Object.entries(snapshot.symbols)];
    const exact = all.find(([text]) => text.toLowerCase() === wanted);
    const found = exact ? [exact] : all.filter(([text]) => text.toLowerCase().includes(wanted));
    if (found.length > 1) {
        const some = found.slice(0, CANDIDATES_MAX).map(([text]) => text).join(", ");
        const more = found.length - CANDIDATES_MAX;
        throw new Error(`${name}: one of ${some}${more > 0 ? ` and ${more} more` : ""}?`);
    }
    return found.length ? BigInt(found[0][1]) : null;
}

/* The address that is meant: 0x hexadecimal, 0o octal, _ between digits, or a name with or without
 * "+ offset"; also hexadecimal without 0x where no name is meant.
 * Throws an Error that says why not. */
function parseAddress(snapshot, text) {
    const words = text.trim();
    const number = numberOf(words);
    if (number !== null) {
        return checked(snapshot, number);
    }
    const [, name, offset] = /^(.*?)(?:\s*\+\s*(0[xo]?[0-9a-f_]+|[0-9]+))?$/i.exec(words);
    const start = namedAddress(snapshot, name);
    if (start !== null) {
        return checked(snapshot, start + (offset ? numberOf(offset) ?? BigInt(offset) : 0n));
    }
    if (/^[0-9a-f_]+$/i.test(words)) {
        return checked(snapshot, numberOf("0x" + words));
    }
    throw new Error(`${words}: neither 0x..., 0o... nor a known name`);
}

function numberOf(text) {
    if (/^0x[0-9a-f][0-9a-f_]*$/i.test(text) || /^0o[0-7][0-7_]*$/i.test(text)) {
        return BigInt(text.replaceAll("_", "").toLowerCase());
    }
    return null;
}

function checked(snapshot, address) {
    if (address >= WORD_END) {
        throw new Error(`${hex(address)} has more than 64 bits`);
    }
    const right = canonical(address, snapshot.levels);
    if (right !== address) {
        const top = shiftOf(snapshot.levels + 1) - 1n;
        throw new Error(`${hex(address, 16)} is not canonical: bits 63 to ${top} must be equal, ` +
            `as in ${hex(right, 16)}`);
    }
    return address;
}

/* What the address is for, the smallest area first, and the function or variable it is in. */
function meaning(snapshot, address) {
    const areas = snapshot.names
        .map(([start, end, text]) => ({ start: BigInt(start), end: BigInt(end), text }))
        .filter((area) => address >= area.start && address < area.end)
        .sort((a, b) => (a.end - a.start < b.end - b.start ? -1 : 1))
        .map((area) => area.text);
    const inImage = areas.includes("kernel image");
    let nearest = null;
    for (const [name, text] of inImage ? Object.entries(snapshot.symbols) : []) {
        const start = BigInt(text);
        if (start <= address && (nearest === null || start >= nearest.start)) {
            nearest = { name, start };
        }
    }
    const symbol = nearest ? [`${nearest.name} + ${hex(address - nearest.start)}`] : [];
    return [...areas.slice(0, 1), ...symbol].join(", ");
}

function element(tag, text, kind) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) {
        made.className = kind;
    }
    return made;
}

function shownSnapshot() {
    const checkedInput = document.querySelector("input[name=side]:checked");
    return checkedInput ? Number(checkedInput.value) : page.snapshots.length - 1;
}

/* One line for the end of a walk. */
function conclusion(found) {
    const last = found.steps[found.steps.length - 1];
    if (found.physical !== null) {
        return `physical ${hex(found.physical)}, a ${SIZES[found.level]} page, ${last.rights}`;
    }
    const why = last.entry === null
        ? "no memory answers for the table" : "the entry is not present";
    return `not mapped: ${why} at level ${last.level}`;
}

function showWalk(snapshot, address, found) {
    const rows = document.getElementById("walk-steps");
    for (const step of found.steps) {
        const row = document.createElement("tr");
        const next = step.next === undefined ? "–" : hex(step.next);
        const entry = step.entry === null ? "no memory" : hex(step.entry, 16);
        const index = `${step.index} = 0o${step.index.toString(8).padStart(3, "0")}`;
        for (const text of [step.level, hex(step.table), index, entry, step.flags ?? "–",
            step.rights ?? "–", next]) {
            row.append(element("td", String(text)));
        }
        rows.append(row);
    }
    const what = meaning(snapshot, address);
    document.getElementById("walk-address").textContent =
        `${hex(address, 16)} = ${octal(address, snapshot.levels)}${what ? `: ${what}` : ""}`;
    const end = document.getElementById("walk-end");
    end.textContent = conclusion(found);
    end.className = found.physical === null ? "bad" : "good";
}

/* Marks the entries of the walk in the picture. */
function highlight(found) {
    const figure = document.getElementById(`figure-${shownSnapshot()}`);
    for (const step of found.steps) {
        for (const shape of figure.querySelectorAll(`[data-table="${hex(step.table)}"]`)) {
            const { first, last: end } = shape.dataset;
            if (step.index >= Number(first) && step.index <= Number(end)) {
                shape.classList.add("on");
            }
        }
    }
}

function search(text) {
    const snapshot = page.snapshots[shownSnapshot()];
    document.querySelectorAll(".on").forEach((shape) => shape.classList.remove("on"));
    document.getElementById("walk-steps").replaceChildren();
    document.getElementById("complaint").textContent = "";
    document.getElementById("walk").hidden = true;
    document.getElementById("address").value = text;
    if (text.trim() === "") {
        return;
    }
    try {
        const address = parseAddress(snapshot, text);
        const found = walk(snapshot, address);
        document.getElementById("walk").hidden = false;
        showWalk(snapshot, address, found);
        highlight(found);
    } catch (error) {
        document.getElementById("complaint").textContent = error.message;
    }
}

function searchHash() {
    search(decodeURIComponent(location.hash.slice(1)));
}

function showSide() {
    const side = shownSnapshot();
    document.querySelectorAll("figure").forEach((figure) => {
        figure.hidden = figure.id !== `figure-${side}`;
    });
    search(document.getElementById("address").value);
}

document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = document.getElementById("address").value;
    history.replaceState(null, "", "#" + encodeURIComponent(text));
    search(text);
});
document.addEventListener("click", (event) => {
    const row = event.target.closest?.("[data-address]");
    if (row) {
        location.hash = row.dataset.address;
        search(row.dataset.address);
    }
});
document.querySelectorAll("input[name=side]").forEach((input) => {
    input.addEventListener("change", showSide);
});
window.addEventListener("hashchange", searchHash);
showSide();
searchHash();
