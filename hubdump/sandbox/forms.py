"""The forms of a portal, and what was submitted to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hubdump.sandbox.answers import Refused, Response, ok
from hubdump.sandbox.calls import Call
from hubdump.sandbox.items import Body, Collection, Item, Items, chance, guid, since_ms
from hubdump.sandbox.moments import iso
from hubdump.sandbox.objects import Objects
from hubdump.sandbox.pages import Keyed, by_archived, listed
from hubdump.sandbox.portal import Portal

TYPES = ("hubspot", "captured", "flow", "blog_comment")
FORMS_MAX = 100
_WEEK_MS = 7 * 86_400_000
# Of how many submissions one comes in the same millisecond as the one before.
_TOGETHER = 40
_STYLE = {
    "fontFamily": "arial, helvetica, sans-serif", "backgroundWidth": "100%", "labelTextColor": "#33475b",
    "labelTextSize": "13px", "helpTextColor": "#7c98b6", "helpTextSize": "11px", "legalConsentTextColor": "#33475b",
    "legalConsentTextSize": "14px", "submitColor": "#ff7a59", "submitAlignment": "left",
    "submitFontColor": "#ffffff", "submitSize": "12px",
}  # fmt: skip


def _field(name: str, label: str, type_: str, **more: object) -> Body:
    return {
        "objectTypeId": "0-1", "name": name, "label": label, "required": name == "email", "hidden": False,
        "dependentFields": [], "fieldType": type_, **more,
    }  # fmt: skip


def _groups() -> list[Body]:
    blocked = {"blockedEmailDomains": [], "useDefaultBlockList": False}
    rows = (
        [_field("email", "Email", "email", validation=blocked)],
        [
            _field("firstname", "First name", "single_line_text"),
            _field("lastname", "Last name", "single_line_text"),
        ],
        [_field("message", "Message", "multi_line_text")],
    )
    return [{"groupType": "default_group", "richTextType": "text", "fields": fields} for fields in rows]


def _form(portal: Portal, _: str, index: int) -> Body:
    """A form; of the first ones one of each type, and one of seven is archived."""
    number = chance(portal, "forms", "", index)
    type_ = TYPES[index % 4 if index < 8 else 0]
    made = since_ms(number) - 40 * _WEEK_MS
    archived = index % 7 == 5 and index < portal.spec.items["forms"]
    configuration = {
        "language": "en", "cloneable": type_ == "hubspot", "editable": True, "archivable": True,
        "recaptchaEnabled": False, "notifyContactOwner": False, "notifyRecipients": [],
        "createNewContactForNewEmail": True, "prePopulateKnownValues": True, "allowLinkToResetKnownValues": False,
        "lifecycleStages": [], "postSubmitAction": {"type": "thank_you", "value": "Thank you."},
    }  # fmt: skip
    display = {
        "renderRawHtml": False, "theme": "default_style", "submitButtonText": "Submit", "style": dict(_STYLE),
        "cssClass": "hs-form",
    }  # fmt: skip
    found: Body = {
        "id": guid(number), "name": f"{type_.capitalize()} form {index}", "formType": type_,
        "createdAt": iso(made), "updatedAt": iso(made + _WEEK_MS), "archived": archived,
        "fieldGroups": _groups(), "configuration": configuration, "displayOptions": display,
        "legalConsentOptions": {"type": "none"},
    }  # fmt: skip
    return found | ({"archivedAt": iso(made + _WEEK_MS)} if archived else {})


FORMS = Collection(
    "forms", lambda body: str(body["id"]), _form, lambda portal, _: portal.spec.items["forms"],
    archives=True, archived_date="archivedAt",
)  # fmt: skip


def _submission(portal: Portal, form: str, index: int) -> Body:
    """What somebody submitted; some in the same millisecond."""
    at = index - 1 if index % _TOGETHER == 1 else index
    number = chance(portal, "form_submissions", form, index)
    step = chance(portal, "form_submissions", form, at)
    answers = {"email": f"visitor{number % 9_000}@example.com", "firstname": f"Visitor {index}"}
    if number % 3:
        answers["message"] = "What does it cost?\nPlease call me."
    values = [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in answers.items()]
    return {
        "conversionId": guid(number), "submittedAt": since_ms(step), "values": values,
        "pageUrl": f"https://www.example.com/{form[:8]}",
    }  # fmt: skip


def _submitted(portal: Portal, form: str) -> int:
    """How many submissions a form has: the first one the most, some none."""
    most = portal.spec.items["form_submissions"]
    first = guid(chance(portal, "forms", "", 0))
    return most if form == first else chance(portal, "form_submissions", form, -1) % 8 * most // 60


SUBMISSIONS = Collection(
    "form_submissions",
    lambda body: str(body["conversionId"]),
    _submission,
    _submitted,
    dates=("submittedAt",),
    changed="",
)


@dataclass(frozen=True, slots=True)
class Forms:
    """Answers for forms."""

    objects: Objects
    items: Items

    def all(self, call: Call) -> Response:
        """Forms of the types asked for, of HubSpot's own where none is; archived ones on a pass of their own."""
        types = set(call.query.many("formTypes") or ["hubspot"])
        if types - {*TYPES, "all"}:
            raise Refused(400, f"Invalid value for formTypes: {', '.join(sorted(types))}")
        beliefs, wanted = self.objects.beliefs, by_archived(call)
        mixed = beliefs["archived-forms"] == "mixed" and not call.query.flag("archived")

        def shown(item: Item) -> bool:
            return (mixed or wanted(item)) and bool(types & {item.body["formType"], "all"})

        return ok(listed(call, self.items.of(FORMS).items(), shown, beliefs, default=10, most=FORMS_MAX))

    def submissions(self, call: Call) -> Response:
        """What was submitted to a form, the newest first; of an archived form too."""
        beliefs, form = self.objects.beliefs, call.parts["id"]
        found = self.items.of(FORMS).get(form)
        if found is None or found.gone:
            raise Refused(404, f"No form found with guid {form}", "OBJECT_NOT_FOUND")
        if found.body["formType"] == "blog_comment" and beliefs["comment-submissions"] == "404":
            raise Refused(404, f"No form found with guid {form}", "OBJECT_NOT_FOUND")
        most = beliefs.number("form-submissions-max")
        answer = listed(
            call, self.newest_first(form), lambda item: item.seen_ms <= call.now_ms, beliefs,
            default=min(20, most), most=most,
        )  # fmt: skip
        return ok(answer | {"results": [self.written(body) for body in answer["results"]]})

    def newest_first(self, form: str) -> Iterable[Keyed]:
        every = self.items.of(SUBMISSIONS, form).items()
        return sorted(every, key=lambda keyed: (-keyed[1].body["submittedAt"], keyed[0]))

    def written(self, body: Body) -> Body:
        """A submission as it is answered: with its id, or as it may be, without."""
        hidden = self.objects.beliefs["submission-ids"] == "no"
        return {name: value for name, value in body.items() if not hidden or name != "conversionId"}
