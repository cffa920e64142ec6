"""Protobuf as bytes: fields of messages, written and read without their descriptions.

  message = field*           field = varint(number << 3 | wire type) value
  wire type 0  varint        whole numbers; seven bits a byte, the lowest first
  wire type 1  8 bytes       double, fixed64
  wire type 2  varint, so many bytes: text, messages, packed numbers
  wire type 5  4 bytes       float, fixed32

The reader is strict: what no field can be raises ValueError.
"""
import struct


# --------------------------------------------------------------------------------------- writing

def varint(number):
    """A whole number; a negative one as its 64 bits."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    """A whole number of the types sint32 and sint64."""
    return varint(number << 1 ^ number >> 63)


def double(value):
    return struct.pack("<d", value)


def field_bytes(number, data):
    """A field with a length: text, bytes, a message, packed numbers."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def field_varint(number, value):
    return varint(number << 3) + varint(value)


def field_zigzag(number, value):
    return varint(number << 3) + zigzag(value)


def field_double(number, value):
    return varint(number << 3 | 1) + double(value)


def label_fields(pairs):
    """labels=1 {name=1 value=2}, as in the messages of Prometheus that have labels."""
    return b"".join(field_bytes(1, field_bytes(1, name.encode()) + field_bytes(2, value.encode()))
                    for name, value in pairs)


# --------------------------------------------------------------------------------------- reading

def read_varint(data, at):
    """(the number at this place, the place behind it)"""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number without end")
        value |= (data[at] & 0x7F) << shift
        at, shift, more = at + 1, shift + 7, data[at] & 0x80
        if not more:
            return value, at


def read_fields(message):
    """(number, value) of each field: an int, 8 bytes of a fixed64, or the bytes of the rest."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = read_varint(message, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, at = read_varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(message):
            raise ValueError(f"field {tag >> 3} is longer than its message")
        yield tag >> 3, bytes(message[at:at + size])
        at += size


def signed(number):
    return number - (1 << 64) if number >= 1 << 63 else number


def unzigzag(number):
    return number >> 1 ^ -(number & 1)


def to_double(data):
    return struct.unpack("<d", data)[0]


def packed(value, read):
    """A repeated number, which may come as one value or as bytes with many."""
    if isinstance(value, int):
        return [value]
    if read is to_double:
        return [to_double(value[i:i + 8]) for i in range(0, len(value), 8)]
    out, at = [], 0
    while at < len(value):
        number, at = read_varint(value, at)
        out.append(read(number))
    return out
