"""One verb a file; the table of all of them."""

from __future__ import annotations

from .base import Action
from .cancel import Cancel
from .checkpoint import Checkpoint
from .cordon import Cordon
from .diagnose import Diagnose
from .drain import Drain
from .expire_silence import ExpireSilence
from .extend_silence import ExtendSilence
from .hold import Hold
from .logs import Logs
from .reboot import Reboot
from .release import Release
from .requeue import Requeue
from .requeue_hold import RequeueHold
from .resume import Resume
from .shell import Shell
from .silence import Silence

ACTIONS: dict[str, Action] = {
    action.verb: action
    for action in (
        Drain(),
        Cordon(),
        Resume(),
        Reboot(),
        Requeue(),
        RequeueHold(),
        Hold(),
        Release(),
        Cancel(),
        Checkpoint(),
        Shell(),
        Diagnose(),
        Logs(),
        Silence(),
        ExtendSilence(),
        ExpireSilence(),
    )
}
