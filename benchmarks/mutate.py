"""Random changes to the bytes of a file, and to what lies behind its checksums.

mutate.mutated(content, np.random.default_rng(0))
"""

import gzip
import io
import json
import struct
import zipfile
import zlib

_HUGE = (0, 1, 0x7FFF, 0xFFFF, 0x10000, 9000, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
_VALUES = (
    *(None, True, -1, 0, 5, 2.5, 1e308, 10**40, float("inf"), float("nan"), "", "x", "\0", "\ud800"),
    *("a\nb", "7" * 9999, [], {}, [[]], [1, 2, 3], {"a": 1}, ["\n"], {"\n": "\n"}, "torch", "keras"),
)
_CHUNKS = (b"IHDR", b"PLTE", b"IDAT")


def mutated(content, rng):
    """Returns the bytes of a file after random changes: half of them behind its checksums."""
    if rng.random() < 0.5:
        return _changed(content, rng)
    if content.startswith(b"PK"):
        return _inside_archive(content, rng)
    if content.startswith(b"\x1f\x8b"):
        return gzip.compress(_changed(gzip.decompress(content), rng))
    if content.startswith(b"{"):
        return _inside_json(content, rng)
    return _with_checksums(bytearray(_changed(content, rng)))


def _changed(content, rng):
    """Returns the bytes after one to three random changes."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        _MUTATIONS[rng.integers(len(_MUTATIONS))](content, rng)
    return bytes(content)


def _inside_archive(content, rng):
    """Returns a zip file of which one member was changed before it was packed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        members = old.infolist()
        chosen = members[rng.integers(len(members))]
        for member in members:
            array = old.read(member)
            new.writestr(member, _changed(array, rng) if member is chosen else array)
    return file.getvalue()


def _inside_json(content, rng):
    """Returns a JSON object of which one value, at any depth, is another or is gone."""
    whole = json.loads(content)
    part, key = whole, rng.choice(list(whole))
    while isinstance(part[key], dict) and rng.random() < 0.7:
        part = part[key]
        key = rng.choice(list(part))
    part[key] = _VALUES[rng.integers(len(_VALUES))]
    if rng.random() < 0.1:
        del part[key]
    return json.dumps(whole).encode()


def _place(content, rng):
    """Returns a position, as often in the first 128 bytes as anywhere."""
    return int(rng.integers(min(len(content), 128) + 1 if rng.random() < 0.5 else len(content) + 1))


def _truncate(content, rng):
    del content[_place(content, rng) :]


def _flip(content, rng):
    for _ in range(rng.integers(1, 9)):
        if content:
            content[_place(content, rng) % len(content)] ^= 1 << rng.integers(8)


def _insert(content, rng):
    i = _place(content, rng)
    content[i:i] = rng.bytes(rng.integers(1, 40))


def _delete(content, rng):
    i = _place(content, rng)
    del content[i : i + int(rng.integers(1, 40))]


def _overwrite(content, rng):
    """Puts a huge or an odd number over an integer of two or four bytes, or over digits."""
    value, i = int(rng.choice(_HUGE)), _place(content, rng)
    number = struct.pack(rng.choice(["<I", ">I"]), value)
    digits = [j for j, byte in enumerate(content) if 48 <= byte <= 57]
    if digits and rng.random() < 0.5:
        i = int(rng.choice(digits))
        number = [str(value), "-1", "1e999", "9" * 30][rng.integers(4)].encode()
        content[i : i + 1] = number
    else:
        content[i : i + len(number)] = number[: max(0, len(content) - i)]


def _duplicate(content, rng):
    i, n = _place(content, rng), int(rng.integers(1, 200))
    content[i:i] = content[i : i + n]


_MUTATIONS = (_truncate, _flip, _insert, _delete, _overwrite, _overwrite, _duplicate)


def _with_checksums(content):
    """Returns the bytes with right checksums in a PNG's chunks, so that what they hold is read."""
    for name in _CHUNKS:
        i = content.find(name)
        n = int.from_bytes(content[i - 4 : i], "big") if i >= 4 else len(content)
        if i + 8 + n <= len(content):
            content[i + 4 + n : i + 8 + n] = zlib.crc32(content[i : i + 4 + n]).to_bytes(4, "big")
    return bytes(content)
