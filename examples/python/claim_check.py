"""Bodies that are too large for Amazon SQS, kept in PostgreSQL: the hook for Python beside CLAIM_CHECK of celery-toolbox.

    import claim_check
    claim_check.install(app, 'postgresql://worker@localhost/history')

From then on the workers of the app read what Node put aside, and a call or a task that is published with
`serializer='claim-check'` has its body in the table monitor.claim and a ticket in its message, for either language:

    big.apply_async((rows,), serializer='claim-check')

Where REDACT is set, Node encrypts the bodies that it puts there, and each message has the key of its own: to read those, `pip install
cryptography`. `install(app, url, sealed=True)` encrypts what Python puts there, too.
"""
import base64
import json
import os
import uuid

import psycopg2
from kombu import compression, serialization

NAME = 'claim-check'
CONTENT_TYPE = 'application/x-claim-check'
PUT = "INSERT INTO monitor.claim (id, body, expires_at) VALUES (%s, %s, now() + %s * interval '1 day')"
NONCE_BYTES = 12
GET = 'SELECT body FROM monitor.claim WHERE id = %s'


def install(app, database_url, days=15, sealed=False):
    """`days`: how long a body is kept; the longest that SQS keeps a message, and a day more. More for longer countdowns."""
    accepted = list(app.conf.accept_content)
    trusted = serialization.prepare_accept_content(accepted)

    def put(value):
        content_type, content_encoding, body = serialization.dumps(value, 'json')
        claim = str(uuid.uuid4())
        body = body.encode(content_encoding) if isinstance(body, str) else body
        ticket = {
            'claim': claim,
            'bytes': len(body),
            'content-type': content_type,
            'content-encoding': content_encoding,
        }
        if sealed:
            body, ticket['key'] = seal(body)
        run(database_url, PUT, (claim, psycopg2.Binary(body), days))
        return json.dumps(ticket)

    def get(text):
        ticket = json.loads(text)
        rows = run(database_url, GET, (ticket['claim'],))
        if not rows:
            raise ValueError(f"the body {ticket['claim']} is not in monitor.claim any more")
        body = bytes(rows[0][0])
        if ticket.get('key'):
            body = unseal(body, ticket['key'])
        if ticket.get('compression'):
            body = compression.decompress(body, ticket['compression'])
        return serialization.loads(body, ticket.get('content-type'), ticket.get('content-encoding'), accept=trusted)

    serialization.register(NAME, put, get, content_type=CONTENT_TYPE, content_encoding='utf-8')
    app.conf.accept_content = [*accepted, NAME]


def seal(body):
    """The nonce and the body, encrypted; and the key, which opens this body alone."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    key, nonce = AESGCM.generate_key(256), os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, body, None), base64.b64encode(key).decode()


def unseal(body, key):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    return AESGCM(base64.b64decode(key)).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], None)


def run(database_url, sql, parameters):
    """On a connection of its own: such messages are rare, and a pool does not survive the worker's fork."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
