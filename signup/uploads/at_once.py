"""A file for one notice that comes with the notice: by a command, or by JSON. Nobody looks at it
meanwhile, so its columns are taken for what they are called."""

from hashlib import sha256

from django.core.exceptions import ValidationError
from django.utils.translation import get_language

from signup.models import User
from signup.uploads import columns, steps
from signup.uploads.models import Upload
from web import tables

State = Upload.State


def checked(data: bytes, name: str, by: User | None) -> Upload:
    """Raises ValidationError for what cannot be used at all. Given again, it is the same one."""
    digest = sha256(data).hexdigest()
    for_notice = Upload.objects.filter(purpose=Upload.Purpose.NOTICE, by=by, digest=digest)
    if known := for_notice.filter(state=State.JUDGED).order_by("-pk").first():
        return known
    upload = Upload.objects.create(
        purpose=Upload.Purpose.NOTICE,
        by=by,
        name=name[:100],
        language=get_language() or "en",
        data=data,
        digest=digest,
    )
    try:
        finish(upload)
    except ValidationError:
        upload.delete()
        raise
    return upload


def finish(upload: Upload) -> None:
    try:
        work(upload)
        if upload.state == State.MAPPING:
            columns.check(upload, upload.mapping)
            Upload.objects.filter(pk=upload.pk).update(state=State.JUDGING)
            work(upload)
    except tables.BadFile as problem:
        raise ValidationError(str(problem)) from None
    if upload.state == State.BROKEN:
        raise ValidationError(upload.problem)


def work(upload: Upload) -> None:
    while steps.work(upload.pk):
        pass
    upload.refresh_from_db()
