"""Snappy as bytes: a block, the stream format and its checksum.

  block   varint of the whole length, then elements; the low two bits of an element's first byte
          say what it is: 0 literal, 1, 2 and 3 copies whose offset has 11, 16 and 32 bits
  stream  chunks {type: 1 byte, length: 3 bytes, data}; the first one, of type 0xff, is a name
"""
import struct

from protobuf import read_varint, varint

STREAM_NAME = b"\xff\x06\x00\x00sNaPpY"
UNCOMPRESSED = b"\x01"


def snappy_literal(data):
    """A block that only uses literals: valid, and needs no compressor."""
    out = bytearray(varint(len(data)))
    for start in range(0, len(data), 65536):
        piece = data[start:start + 65536]
        out.append(61 << 2)
        out += struct.pack("<H", len(piece) - 1)
        out += piece
    return bytes(out)


def unsnappy(block):
    """A block, decompressed."""
    size, at = read_varint(block, 0)
    out = bytearray()
    while at < len(block):
        tag, at = block[at], at + 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length, at = int.from_bytes(block[at:at + extra], "little"), at + extra
            if at + length + 1 > len(block):
                raise ValueError("snappy: a literal is longer than the block")
            out += block[at:at + length + 1]
            at += length + 1
            continue
        if tag & 3 == 1:
            length, offset = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | block[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, offset = 1 + (tag >> 2), int.from_bytes(block[at:at + width], "little")
            at += width
        if not 0 < offset <= len(out):
            raise ValueError("snappy: a copy from before the start")
        if offset >= length:
            start = len(out) - offset
            out += out[start:start + length]
        else:
            for _ in range(length):
                out.append(out[-offset])
    if len(out) != size:
        raise ValueError(f"snappy: {len(out)} bytes, {size} were announced")
    return bytes(out)


def crc32c(data):
    """The checksum with Castagnoli's polynomial, its bits in reverse."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def framed_snappy(data):
    """A stream, with one chunk that is not compressed."""
    crc = crc32c(data)
    # The format masks it, because a checksum over data that holds checksums is a weak one.
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    chunk = struct.pack("<I", masked) + data
    return STREAM_NAME + UNCOMPRESSED + struct.pack("<I", len(chunk))[:3] + chunk
