"""Adding, changing and deactivating a person."""

from secrets import randbelow
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from notices import rights
from notices.rights import demand, right_required
from signup import groups, security, usernames
from signup.models import Change, Group, Membership, User
from signup.person_form import PersonForm, may_touch, record
from web.access import StaffRequest
from web.forms import say_plainly

__all__ = ["OWN", "Form", "activate", "edit", "let_be", "new"]

OWN = "attribute:"  # before the name of an attribute, in the name of its field


class Form(PersonForm):
    """With the groups and attributes that there are. Who is added without a username gets one."""

    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        label=gettext_lazy("Groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": gettext_lazy("A group is not there any more. Choose again."),
            "invalid_pk_value": gettext_lazy("A group is not there any more. Choose again."),
        },
    )

    class Meta:
        model = User
        fields = (
            "name", "username", "email", "mobile", "language", "time_zone", "wants_email",
            "wants_sms",
        )  # fmt: skip
        labels = {"name": gettext_lazy("Name"), "username": gettext_lazy("Username")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        say_plainly(self)
        self.fields["time_zone"].required = False
        self.fields["groups"].queryset = Group.objects.all()  # type: ignore[attr-defined]
        if self.instance.pk is None:
            self.fields["username"].required = False
            self.fields["username"].help_text = _("Empty: one is made.")
        else:
            self.initial["groups"] = list(Group.objects.filter(memberships__user=self.instance))
        self.attributes = groups.attributes()
        kept = self.instance.attributes or {}
        for name in self.attributes:
            self.fields[OWN + name] = forms.CharField(label=name, required=False)
            self.initial[OWN + name] = kept.get(name, "")

    def clean_username(self) -> str:
        if self.instance.pk is None and not self.cleaned_data["username"]:
            return made_up()
        return super().clean_username()

    def clean_time_zone(self) -> str:
        return str(self.cleaned_data["time_zone"] or self.instance.time_zone)

    def clean(self) -> dict[str, Any]:
        super().clean()
        own: dict[str, str] = {}
        for name in self.attributes:
            try:
                own |= groups.values({name: self.cleaned_data.get(OWN + name, "")}, [name])
            except ValidationError as problem:
                self.add_error(OWN + name, problem)
        self.cleaned_data["attributes"] = own or None
        return self.cleaned_data

    def save_all(self, by: User | None) -> User:
        """Raises IntegrityError when somebody else took a name or an address at this moment."""
        person: User = self.instance
        is_new = person.pk is None
        with transaction.atomic():
            person.attributes = self.cleaned_data["attributes"]
            if is_new:
                person.password = make_password(None)
            self.save()
            chosen = self.cleaned_data["groups"]
            Membership.objects.filter(user=person).exclude(group__in=chosen).delete()
            Membership.objects.bulk_create(
                (Membership(group=group, user=person) for group in chosen), ignore_conflicts=True
            )
            record(person, by, Change.What.ADDED if is_new else Change.What.CHANGED, self)
            if is_new or self.changed_data:
                security.tell(
                    "user-added" if is_new else "user-changed",
                    account=person.pk,
                    changed=",".join(each.partition(":")[0] for each in self.changed_data),
                )
        return person


def made_up() -> str:
    """A username for somebody who will choose none, or a better one."""
    while True:
        name = f"person_{randbelow(10**8):08}"
        if not User.objects.filter(name_key=usernames.key(name)).exists():
            return name


writers = right_required(rights.PEOPLE)


@require_http_methods(["GET", "POST"])
@writers
def new(request: StaffRequest) -> HttpResponse:
    return write(request, User())


@require_http_methods(["GET", "POST"])
@writers
def edit(request: StaffRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    demand_to_touch(request, person)
    return write(request, person)


def demand_to_touch(request: StaffRequest, person: User) -> None:
    if not may_touch(request, person):
        raise PermissionDenied(_("Accounts of staff are changed by administrators."))


def write(request: StaffRequest, person: User) -> HttpResponse:
    demand(request, rights.ADDRESSES)  # the form shows them
    form = Form(request.POST or None, instance=person)
    if form.is_bound and form.is_valid():
        is_new = person.pk is None
        try:
            saved = form.save_all(request.user)
        except IntegrityError:
            problem = _("The username, email or number was taken a moment ago. Look at them again.")
            form.add_error(None, problem)
        else:
            messages.success(request, _("Added.") if is_new else _("Changed."))
            return redirect("person", saved.pk)
    own = [form[OWN + name] for name in form.attributes]
    wants = [form["wants_email"], form["wants_sms"]]
    context = {"form": form, "wants": wants, "own": own, "person": person if person.pk else None}
    return render(request, "people/edit.html", context, status=400 if form.errors else 200)


@require_POST
@writers
def activate(request: StaffRequest, pk: int) -> HttpResponse:
    """Deactivates, or the other way round. Pressed twice it is as the first press left it."""
    person, active = get_object_or_404(User, pk=pk), request.POST.get("active") == "1"
    demand_to_touch(request, person)
    if person.pk == request.user.pk:
        raise PermissionDenied(_("Nobody deactivates themself."))
    let_be(person, active, request.user)
    if active:
        messages.success(request, _("Active again."))
    else:
        messages.success(request, _("Deactivated: no notices, and no signing in."))
    return redirect("person", pk)


def let_be(person: User, active: bool, by: User | None) -> None:
    """Active, or not: then there are no notices, and no signing in."""
    with transaction.atomic():
        if User.objects.filter(pk=person.pk).exclude(is_active=active).update(is_active=active):
            what = Change.What.CHANGED
            Change.objects.create(user=person, by=by, what=what, fields=["is_active"])
            security.tell("user-changed", account=person.pk, changed="is_active")
