"""The story ends where a chapter fails, and says why."""

from pathlib import Path

from certcheck import config
from certcheck.workflow.chapter import whole
from certcheck.workflow.demo import demo
from tests.issue.conftest import Reply, ScriptedMaker, https_identity, scripted
from tests.issue.play import SMOOTH
from tests.workflow.test_issue import BLANK, means, site, wanted

__all__ = ["https_identity", "scripted", "site"]  # fixtures of other tests


def test_a_refused_order_ends_the_story_with_the_authoritys_word(
    scripted: ScriptedMaker, site: config.Site, tmp_path: Path
) -> None:
    ca = scripted({**SMOOTH, "/newOrder": Reply(status=403, body={"detail": "not for you"})})
    order = wanted(tmp_path, "mail", "mail.example.test")

    chapters = list(demo(BLANK, means(site), (), [order], authority=ca.authority))

    assert [chapter.command for chapter in chapters] == ["fingerprints", "issue"]
    story = whole(chapters)
    assert story.exit_code == 3
    assert story.error is not None
    assert "not for you" in story.error.message
