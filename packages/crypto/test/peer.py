"""The other implementation for interoperability tests: one JSON line in, one out; bytes as hex."""

import base64
import hashlib
import json
import sys
import warnings

import nacl.bindings as sodium
from nacl.public import PrivateKey, PublicKey, SealedBox
from noise.connection import Keypair, NoiseConnection

warnings.simplefilter("ignore")
state = {}


def noise_start(pattern, initiator, prologue, static, remote="", psk="", ephemeral=""):
    connection = NoiseConnection.from_name(f"Noise_{pattern}_25519_ChaChaPoly_BLAKE2b".encode())
    connection.set_prologue(bytes.fromhex(prologue))
    if psk:
        connection.set_psks(bytes.fromhex(psk))
    connection.set_as_initiator() if initiator else connection.set_as_responder()
    connection.set_keypair_from_private_bytes(Keypair.STATIC, bytes.fromhex(static))
    if remote:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, bytes.fromhex(remote))
    if ephemeral:
        connection.set_keypair_from_private_bytes(Keypair.EPHEMERAL, bytes.fromhex(ephemeral))
    connection.start_handshake()
    state["noise"] = connection
    return b""


def kek_subkey(master, version):
    """crypto_kdf_derive_from_key, from its documentation: keyed BLAKE2b, the id as salt, the context as person."""
    salt = version.to_bytes(8, "little") + bytes(8)
    return hashlib.blake2b(b"", digest_size=32, key=master, salt=salt, person=b"clawkek1" + bytes(8)).digest()


def length_prefixed(*fields):
    encoded = [str(field).encode() for field in fields]
    return b"".join(len(field).to_bytes(4, "big") + field for field in encoded)


def envelope_key_data(owner, record, field, kek):
    return length_prefixed("claw.envelope.key", 1, owner, record, field, kek)


def envelope_data(owner, record, field):
    return length_prefixed("claw.envelope.data", 1, owner, record, field)


def aead_open(key, sealed, data):
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], data, sealed[:24], key)


def aead_seal(key, nonce, plaintext, data):
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, data, nonce, key)


def envelope_open(master, kek, owner, record, field, wrapped, ciphertext):
    data_key = aead_open(
        kek_subkey(bytes.fromhex(master), kek),
        bytes.fromhex(wrapped),
        envelope_key_data(owner, record, field, kek),
    )
    return aead_open(data_key, bytes.fromhex(ciphertext), envelope_data(owner, record, field))


def pad(plaintext, block=256):
    """ISO/IEC 7816-4, as libsodium pads."""
    return plaintext + b"\x80" + bytes(-(len(plaintext) + 1) % block)


def unpad(padded):
    return padded.rstrip(b"\0")[:-1]


def sealed_box_make(public_key, content):
    return SealedBox(PublicKey(bytes.fromhex(public_key))).encrypt(pad(content.encode()))


def sealed_box_open(private_key, box):
    return unpad(SealedBox(PrivateKey(bytes.fromhex(private_key))).decrypt(bytes.fromhex(box)))


def blake2b(label, data, size):
    return hashlib.blake2b(bytes.fromhex(data), digest_size=size, key=label.encode()).digest()


def derive_for(secret, label, instance_id):
    fields = length_prefixed(label, instance_id)
    return hashlib.blake2b(fields, digest_size=32, key=bytes.fromhex(secret)).digest()


def tunnel_verify(public_key, instance_id, nonce, audience, signature):
    nonce_bytes = bytes.fromhex(nonce)
    text = length_prefixed("claw.tunnel.v1", instance_id)
    text += len(nonce_bytes).to_bytes(4, "big") + nonce_bytes + length_prefixed(audience)
    return sodium.crypto_sign_open(bytes.fromhex(signature) + text, bytes.fromhex(public_key))


def backup_open(private_key, file):
    """Written from the format's description in src/backup/format.ts."""
    data = bytes.fromhex(file)
    if data[:8] != b"CLAWBAK\x01":
        raise ValueError("magic")
    head_end = 12 + int.from_bytes(data[8:12], "big")
    private = PrivateKey(bytes.fromhex(private_key))
    name = base64.urlsafe_b64encode(bytes(private.public_key)).rstrip(b"=").decode()
    box = next(r["sealedKey"] for r in json.loads(data[12:head_end])["recipients"] if r["publicKey"] == name)
    opened = SealedBox(private).decrypt(base64.urlsafe_b64decode(box + "=" * (-len(box) % 4)))
    label = b"claw.backup.key.v1"
    if not opened.startswith(label):
        raise ValueError("label")
    key = hashlib.blake2b(data[:head_end], digest_size=32, key=opened[len(label) :]).digest()
    stream = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(stream, data[head_end : head_end + 24], key)
    plain, at, tag = b"", head_end + 24, 0
    while at < len(data):
        message, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(stream, data[at : at + 65536 + 17])
        plain, at = plain + message, at + 65536 + 17
    if tag != sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL:
        raise ValueError("truncated")
    return hashlib.sha256(plain).digest()


OPS = {
    "backup_open": backup_open,
    "noise_start": noise_start,
    "noise_write": lambda payload: bytes(state["noise"].write_message(bytes.fromhex(payload))),
    "noise_read": lambda message: bytes(state["noise"].read_message(bytes.fromhex(message))),
    "noise_encrypt": lambda plaintext: state["noise"].encrypt(bytes.fromhex(plaintext)),
    "noise_decrypt": lambda ciphertext: state["noise"].decrypt(bytes.fromhex(ciphertext)),
    "noise_hash": lambda: state["noise"].get_handshake_hash(),
    "noise_rekey_out": lambda: state["noise"].rekey_outbound_cipher() or b"",
    "noise_rekey_in": lambda: state["noise"].rekey_inbound_cipher() or b"",
    "envelope_open": envelope_open,
    "sealed_box_make": sealed_box_make,
    "sealed_box_open": sealed_box_open,
    "blake2b": blake2b,
    "derive_for": derive_for,
    "tunnel_verify": tunnel_verify,
}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": bytes(OPS[request.pop("op")](**request)).hex()}
        except Exception as error:  # the test reads it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
