"""Prints a mail.yml with as many accounts as the argument says, each with two
aliases. The hashes are of the right form, and of no password."""

import base64
import hashlib
import sys

print("hostname: mail.example.org")
print("domains: [example.org, example.net]")
print("tls: {self_signed: true}")
print("dkim: false\nban: false\nspam: false\nsend_limit: none\nsrs: false")
print("catch_all: user000000")
print("accounts:")
for number in range(int(sys.argv[1])):
    digest = base64.b64encode(hashlib.sha256(str(number).encode()).digest()).decode().rstrip("=")
    print(f"  user{number:06}:")
    print(f'    password: "{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA${digest}"')
    print(f"    aliases: [alias{number:06}, other{number:06}@example.net]")
