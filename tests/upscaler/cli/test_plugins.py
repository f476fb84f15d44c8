"""Commands that live in packages of their own."""

from importlib.metadata import EntryPoint, EntryPoints

from upscaler.cli import main


def test_a_command_that_is_not_installed_is_not_offered(monkeypatch, command):
    """The wheel leaves out what only a checkout needs, and its list of commands still names it."""
    gone = EntryPoint("gone", "upscaler_nonesuch.command:gone", "upscaler.commands")
    here = EntryPoint("here", "upscaler.cli.models:models", "upscaler.commands")

    def entries(*, group, name=None):
        return EntryPoints(entry for entry in (gone, here) if name in (None, entry.name))

    monkeypatch.setattr(main, "entry_points", entries)
    _, out, _ = command("--help")
    assert "  here " in out and "gone" not in out
    code, _, err = command("gone")
    assert code == 2 and "No such command 'gone'" in err
