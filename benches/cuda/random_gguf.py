#!/usr/bin/env python3
"""Writes a GGUF file of random weights: for timing a shape whose weights are not at hand.

  random_gguf.py SOURCE OUT            the shape and the number formats of SOURCE
  random_gguf.py SOURCE OUT --qwen3-8b the sizes of Qwen3-8B in Q4_K, with the vocabulary of SOURCE
  random_gguf.py SOURCE OUT --header   no weights: only what stands before them, which is small

SOURCE may itself be such a header. What a model of random weights says is noise; how long it takes is not. Needs numpy.
"""
import struct
import sys

import numpy as np

# ggml's numbers of the formats: elements in a block, bytes of a block, where its f16 scales stand.
FORMATS = {0: (1, 4, []), 1: (1, 2, []), 2: (32, 18, [0]), 3: (32, 20, [0, 2]), 6: (32, 22, [0]),
           7: (32, 24, [0, 2]), 8: (32, 34, [0]), 12: (256, 144, [0, 2]), 13: (256, 176, [0, 2]), 14: (256, 210, [208])}
F32, Q4_K, Q6_K = 0, 12, 14
SCALARS = {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: '?', 10: 'Q', 11: 'q', 12: 'd'}
STRING, ARRAY = 8, 9
ALIGNMENT = 32


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        size = struct.calcsize('<' + form)
        value, = struct.unpack_from('<' + form, self.data, self.at)
        self.at += size
        return value

    def string(self):
        size = self.take('Q')
        self.at += size
        return bytes(self.data[self.at - size:self.at])

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.take('I'), self.take('Q')
            return inner, [self.value(inner) for _ in range(count)]
        return self.take(SCALARS[kind])


def read(path):
    """The values and the tensors (name, dims as in the file, format) of a header."""
    with open(path, 'rb') as file:
        reader = Reader(file.read(64 << 20))
    assert reader.take('I') == 0x46554747, f'{path} is no GGUF file'
    reader.take('I')
    tensors, count = reader.take('Q'), reader.take('Q')
    values = {}
    for _ in range(count):
        key, kind = reader.string(), reader.take('I')
        values[key] = (kind, reader.value(kind))
    found = []
    for _ in range(tensors):
        name = reader.string()
        dims = [reader.take('Q') for _ in range(reader.take('I'))]
        found.append((name, dims, reader.take('I')))
        reader.take('Q')
    return values, found


def qwen3_8b(values):
    """The sizes of Qwen3-8B."""
    hidden, feed, layers, heads, kv, dim = 4096, 12288, 36, 32, 8, 128
    vocab = len(values[b'tokenizer.ggml.tokens'][1][1])
    kept = {k: v for k, v in values.items() if k.startswith((b'tokenizer', b'general'))}
    kept[b'general.architecture'] = (STRING, b'qwen3')
    for key, number in {'block_count': layers, 'context_length': 40960, 'embedding_length': hidden,
                        'feed_forward_length': feed, 'attention.head_count': heads,
                        'attention.head_count_kv': kv, 'attention.key_length': dim,
                        'attention.value_length': dim}.items():
        kept[f'qwen3.{key}'.encode()] = (4, number)
    kept[b'qwen3.rope.freq_base'] = (6, 1e6)
    kept[b'qwen3.attention.layer_norm_rms_epsilon'] = (6, 1e-6)
    tensors = [('token_embd.weight', [hidden, vocab], Q4_K), ('output.weight', [hidden, vocab], Q6_K),
               ('output_norm.weight', [hidden], F32)]
    for i in range(layers):
        tensors += [(f'blk.{i}.{name}.weight', dims, form) for name, dims, form in [
            ('attn_norm', [hidden], F32), ('attn_q', [hidden, heads * dim], Q4_K), ('attn_k', [hidden, kv * dim], Q4_K),
            ('attn_v', [hidden, kv * dim], Q6_K), ('attn_output', [heads * dim, hidden], Q4_K),
            ('attn_q_norm', [dim], F32), ('attn_k_norm', [dim], F32), ('ffn_norm', [hidden], F32),
            ('ffn_gate', [hidden, feed], Q4_K), ('ffn_up', [hidden, feed], Q4_K), ('ffn_down', [feed, hidden], Q6_K)]]
    return kept, [(name.encode(), dims, form) for name, dims, form in tensors]


def written(kind, value):
    if kind == STRING:
        return struct.pack('<Q', len(value)) + value
    if kind == ARRAY:
        inner, items = value
        return struct.pack('<IQ', inner, len(items)) + b''.join(written(inner, item) for item in items)
    return struct.pack('<' + SCALARS[kind], value)


def weights(dims, form, rng):
    """Random numbers of a deviation near that of a trained layer."""
    count, width = int(np.prod(dims)), dims[0]
    if len(dims) == 1:
        return np.ones(count, np.float32).tobytes()
    elements, size, scales = FORMATS[form]
    if form == F32:
        return (rng.standard_normal(count, np.float32) / np.sqrt(width)).astype(np.float32).tobytes()
    if form == 1:
        return (rng.standard_normal(count, np.float32) / np.sqrt(width)).astype(np.float16).tobytes()
    blocks = rng.integers(0, 256, (count // elements, size), np.uint8)
    # Whole levels reach from 8 to 4000 steps with the formats' own inner scales; d brings them to the deviation.
    steps = {2: 4.6, 3: 4.6, 6: 9.2, 7: 9.2, 8: 74, 12: 150, 13: 300, 14: 1300}[form]
    d = np.frombuffer(np.float16(1 / (steps * np.sqrt(width))).tobytes(), np.uint8)
    for at in scales:
        blocks[:, at:at + 2] = d
    return blocks.tobytes()


def main(source, out, how=None):
    values, tensors = read(source)
    if how == '--qwen3-8b':
        values, tensors = qwen3_8b(values)
    rng = np.random.default_rng(0)
    with open(out, 'wb') as file:
        file.write(struct.pack('<IIQQ', 0x46554747, 3, len(tensors), len(values)))
        for key, (kind, value) in values.items():
            file.write(written(STRING, key) + struct.pack('<I', kind) + written(kind, value))
        offset = 0
        for name, dims, form in tensors:
            elements, size, _ = FORMATS[form]
            file.write(written(STRING, name) + struct.pack('<I', len(dims)))
            file.write(struct.pack(f'<{len(dims)}QIQ', *dims, form, offset))
            offset += -(-(int(np.prod(dims)) // elements * size) // ALIGNMENT) * ALIGNMENT
        file.write(b'\0' * (-file.tell() % ALIGNMENT))
        if how == '--header':
            return
        for _, dims, form in tensors:
            file.write(weights(dims, form, rng))
            file.write(b'\0' * (-file.tell() % ALIGNMENT))


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
