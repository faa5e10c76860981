"""What a tenant decides about its opportunities: the stages with their probabilities, and which papers contracts need.

What is stored is validated as a whole; a stage that opportunities stand at may go: they keep its key and move on from
it to any stage.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from steward_core.forms.fields import Refused, field
from steward_core.opportunities.models import Outcome
from steward_core.promises.clocks import Part
from steward_core.promises.follow_ups import KEY_PATTERN, Titles
from steward_tenants.configuration.settings import declare_setting

PROPOSAL_STAGE = "proposal"
"""The stage to which sending the first proposal brings an opportunity, where the tenant has it."""
ENDINGS = frozenset({Outcome.SIGNED.value, Outcome.DELIVERED.value, Outcome.LOST.value})
"""Stages that every pipeline has; a tenant's own stages lie before them."""


class Stage(Part):
    """A stage of the pipeline and how probable a signature is in it, in percent."""

    key: Annotated[str, Field(pattern=KEY_PATTERN), field("标识", "Key")]
    title: Annotated[Titles, field("名称", "Title")]
    probability: Annotated[int, Field(ge=0, le=100), field("成功概率（%）", "Probability (%)")]


class Paper(Part):
    """A paper that a contract needs, in how many copies, and whether with seals on the seam."""

    key: Annotated[str, Field(pattern=KEY_PATTERN), field("标识", "Key")]
    title: Annotated[Titles, field("名称", "Title")]
    copies: Annotated[int, Field(ge=1, le=20), field("份数", "Copies")] = 1
    seam_seal: Annotated[bool, field("须盖骑缝章", "With seals on the seam")] = False


class PaperList(Part):
    """A list of papers. `key` names it; one of a plugin is `<plugin>.<key>`, and a tenant's own of that key stands
    instead of it."""

    key: Annotated[str, Field(min_length=1, max_length=127), field("标识", "Key")]
    title: Annotated[Titles, field("名称", "Title")]
    papers: Annotated[tuple[Paper, ...], Field(min_length=1, max_length=50), field("资料", "Papers")]


def _stages(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    keys = [one.key for one in stages]
    if len(set(keys)) != len(keys):
        raise Refused("阶段标识不得重复。", "Each stage has a key of its own.")
    if taken := ENDINGS & set(keys):
        raise Refused(f"“{min(taken)}”是固定的结束阶段。", f"“{min(taken)}” is a built-in ending.")
    return stages


def _lists(lists: tuple[PaperList, ...]) -> tuple[PaperList, ...]:
    keys = [one.key for one in lists]
    if len(set(keys)) != len(keys):
        raise Refused("清单标识不得重复。", "Each list has a key of its own.")
    for one in lists:
        papers = [paper.key for paper in one.papers]
        if len(set(papers)) != len(papers):
            raise Refused(f"清单“{one.key}”中资料重复。", f"A paper stands twice in the list “{one.key}”.")
    return lists


def _stage(key: str, zh: str, en: str, probability: int) -> Stage:
    return Stage(key=key, title=Titles(zh=zh, en=en), probability=probability)


USUAL_STAGES: tuple[Stage, ...] = (
    _stage("lead", "线索", "Lead", 10),
    _stage("understood", "需求明确", "Need understood", 25),
    _stage(PROPOSAL_STAGE, "方案", "Proposal", 40),
    _stage("tender", "投标", "Tender", 60),
    _stage("negotiation", "商务谈判", "Negotiation", 70),
)
NO_LISTS: tuple[PaperList, ...] = ()
STAGES = declare_setting(
    "opportunities.stages",
    Annotated[tuple[Stage, ...], Field(min_length=1, max_length=20), AfterValidator(_stages)],
    USUAL_STAGES,
    "商机阶段及成功概率（签约、交付、丢单为固定的结束阶段）",
    "Stages of the pipeline with their probabilities (signed, delivered and lost always follow)",
)
PAPERS = declare_setting(
    "opportunities.papers",
    Annotated[tuple[PaperList, ...], Field(max_length=50), AfterValidator(_lists)],
    NO_LISTS,
    "合同资料清单；与插件清单同名的以此为准",
    "Lists of papers that contracts need; one with the key of a plugin's list stands instead of it",
)
GENERAL = PaperList(
    key="general",
    title=Titles(zh="通用", en="General"),
    papers=(
        Paper(key="contract", title=Titles(zh="合同", en="Contract"), copies=2),
        Paper(key="licence_copy", title=Titles(zh="营业执照复印件", en="Copy of the licence")),
    ),
)
"""For clients whose industry has no list of its own."""
