"""Hypothesis strategies for the fields of a KeyInfo."""

from hypothesis import strategies as st
from tests.decode.om.batches import longs
from tests.decode.om.om_messages import blob, ec_config, number

texts = st.sampled_from(
    [b"", b"a", b"/", b"a/b", b"a/b//", b"//", "größe/x".encode(), b"\xff/\xe2", b'"\\\n', b"\x7f", b"true"]
)
numbers = st.integers(-1, 3) | longs
replications = st.sampled_from(
    [(1, 3, None), (1, None, None), (2, 1, None), (77, 5, None), (1, 0, None), (1, 9, b"odd")]
) | st.builds(
    lambda codec, chunk: (4, None, ec_config(codec=codec, chunk=chunk)),
    st.sampled_from([b"rs", b"xor", "é".encode(), b"\xf2s"]),
    st.sampled_from([1 << 20, 4096, 1]),
)
pairs = st.builds(
    lambda name, value: blob(1, name) + blob(2, value),
    st.sampled_from([b"ETag", b"CKDEL", b"hsyncClientId", b"\xff", b"\xfe", b""]),
    st.none() | texts,
)
acls = st.builds(
    lambda kind, name, rights, scope: number(1, kind) + blob(2, name) + blob(3, rights) + number(4, scope),
    numbers,
    texts,
    st.sampled_from([b"\x80", b"\x0f", b"", b"\xff\xff", b"\1\2\3\4"]),
    numbers,
)


def repeated(field: int, values: st.SearchStrategy[bytes], most: int = 3) -> st.SearchStrategy[bytes]:
    return st.lists(values, max_size=most).map(lambda held: b"".join(blob(field, value) for value in held))
