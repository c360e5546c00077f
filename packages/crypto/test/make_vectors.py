"""Writes test/vectors/*.json with Python's noiseprotocol, PyNaCl and hashlib: nothing of this package.

Keys and nonces are digests of their names, so a second run writes the same (sealed boxes aside: their
sender key is random, so an old box is kept by not running this again).
"""

import base64
import hashlib
import json
import pathlib
import sys

sys.dont_write_bytecode = True
import peer
from nacl.public import PrivateKey

HERE = pathlib.Path(__file__).parent / "vectors"


def named(name, size=32):
    return hashlib.blake2b(name.encode(), digest_size=size).digest()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public(private):
    return bytes(PrivateKey(private).public_key)


def write(name, source, vectors):
    (HERE / name).write_text(json.dumps({"source": source, "vectors": vectors}, indent=2) + "\n")


def noise_side(pattern, initiator):
    own, other = ("initiator", "responder") if initiator else ("responder", "initiator")
    peer.noise_start(
        pattern,
        initiator,
        b"claw vectors".hex(),
        named(f"{own} static").hex(),
        public(named(f"{other} static")).hex() if initiator else "",
        named("psk").hex() if pattern == "IKpsk2" else "",
        named(f"{own} ephemeral").hex(),
    )
    return peer.state["noise"]


def noise_vector(pattern):
    sides = [noise_side(pattern, True), noise_side(pattern, False)]
    messages = []
    for number in range(6):
        sender, receiver = sides[number % 2], sides[1 - number % 2]
        payload = f"message {number}".encode()
        if number < 2:
            sent = bytes(sender.write_message(payload))
            assert receiver.read_message(sent) == payload
        else:
            sent = sender.encrypt(payload)
            assert receiver.decrypt(sent) == payload
        messages.append({"payload": payload.hex(), "ciphertext": sent.hex()})
    # After these, the initiator's direction is rekeyed once (section 4.2).
    sides[0].rekey_outbound_cipher()
    rekeyed = {"payload": b"rekeyed".hex(), "ciphertext": sides[0].encrypt(b"rekeyed").hex()}
    return {
        "pattern": pattern,
        "prologue": b"claw vectors".hex(),
        "initiatorStatic": named("initiator static").hex(),
        "responderStatic": named("responder static").hex(),
        "initiatorEphemeral": named("initiator ephemeral").hex(),
        "responderEphemeral": named("responder ephemeral").hex(),
        "psk": named("psk").hex() if pattern == "IKpsk2" else "",
        "handshakeHash": sides[0].get_handshake_hash().hex(),
        "messages": messages,
        "afterRekey": rekeyed,
    }


def envelope_vector(kek, owner, record, field, plaintext):
    data_key = named("data key")
    wrapped = peer.aead_seal(
        peer.kek_subkey(named(f"kek {kek}"), kek),
        named("key nonce", 24),
        data_key,
        peer.envelope_key_data(owner, record, field, kek),
    )
    content = peer.aead_seal(
        data_key, named("data nonce", 24), plaintext.encode(), peer.envelope_data(owner, record, field)
    )
    return {
        "master": named(f"kek {kek}").hex(),
        "plaintext": plaintext,
        "envelope": {
            "v": 1,
            "kek": kek,
            "owner": owner,
            "record": record,
            "field": field,
            "wrappedKey": b64(wrapped),
            "ciphertext": b64(content),
        },
    }


def sealed_vector(context, payload):
    private = named("intake")
    content = json.dumps({"context": context, "payload": payload})
    return {
        "privateKey": private.hex(),
        "context": context,
        "payload": payload,
        "box": b64(peer.sealed_box_make(public(private).hex(), content)),
    }


write("noise.json", "Python noiseprotocol 0.3.1 over cryptography", [noise_vector("IK"), noise_vector("IKpsk2")])
write(
    "envelope.json",
    "Python PyNaCl and hashlib",
    [
        envelope_vector(1, "user_1", "crd_1", "secret", "hetzner token"),
        envelope_vector(7, "üser", "crd_2", "secret", ""),
    ],
)
write(
    "sealed.json",
    "Python PyNaCl",
    [
        sealed_vector({"ownerId": "user_1", "credentialId": "crd_1", "provider": "hetzner"}, "a token"),
        sealed_vector({"ownerId": "üser"}, "ü€\U0001f600" * 200),
    ],
)
