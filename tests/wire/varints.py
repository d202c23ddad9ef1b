"""A varint encoder written from the format, independent of ours."""


def varint(number: int) -> bytes:
    """An independent encoder: seven bits a byte, lowest first."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
