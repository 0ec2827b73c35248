# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the patched moto: ``python -m tests.support.moto_patches PORT``."""

from __future__ import annotations

import logging
import sys
from functools import cache

from moto import backends
from moto.core import responses
from moto.kms import models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.support.moto_patches import install


def main(port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request would only slow the tests
    install()
    # What moto would look for with every request: its services on disk, and the methods of one.
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # A symmetric key gets an RSA key too, which nothing asks for, and which takes as long as ten requests.
    models.generate_private_key = cache(models.generate_private_key)
    application = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
