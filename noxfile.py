# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# /// script
# dependencies = ["nox>=2025.02.09"]
# ///
"""The sessions that other collections have. Each runs make, whose targets make their own environments."""

import nox

nox.options.default_venv_backend = "none"


@nox.session
def lint(session: nox.Session) -> None:
    """Format, ruff, mypy, yamllint, ansible-lint and the changelog."""
    targets = ("check-format", "check-ruff", "check-types", "check-yaml", "lint", "changelog")
    session.run("make", *targets, external=True)


@nox.session
def unit(session: nox.Session) -> None:
    """Unit tests."""
    session.run("make", "check-decisions", "check-contracts", external=True)


@nox.session
def integration(session: nox.Session) -> None:
    """Tests against emulators, and properties with many examples."""
    session.run("make", "integration", external=True)


@nox.session
def sanity(session: nox.Session) -> None:
    """ansible-test sanity."""
    session.run("make", "sanity", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The generated pages are current, and antsibull-docs finds no fault."""
    session.run("make", "docs-check", external=True)


if __name__ == "__main__":
    nox.main()
