"""hubspot-api-client 12 writes to a portal: what it wrote is what it reads, and what the ground truth holds."""

from __future__ import annotations

from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm import contacts, objects
from hubspot.crm.associations import v4

from tests.conftest import TOKEN, Served
from tests.strangers import truths

WHO = "hubspot-api-client"


@pytest.fixture(scope="module")
def client(written: Served) -> Any:
    return HubSpot(access_token=TOKEN, host=written.url)


def test_a_contact_is_created_updated_and_archived_and_then_is_gone(client: Any, written: Served) -> None:
    api = client.crm.contacts.basic_api
    made = _contact(client, "ada@example.com", firstname="Ada")
    assert made.id in truths.live(written, "contacts")
    read = api.get_by_id(made.id, properties=["email", "firstname", "lastname"])
    assert (read.properties["email"], read.properties["firstname"]) == ("ada@example.com", "Ada")
    assert read.properties["lastname"] is None
    changed = api.update(made.id, contacts.SimplePublicObjectInput(properties={"lastname": "Byron"}))
    assert changed.properties["lastname"] == "Byron"
    assert changed.updated_at >= made.updated_at
    assert api.get_by_id(made.id, properties=["lastname"]).properties["lastname"] == "Byron"
    api.archive(made.id)
    with pytest.raises(contacts.exceptions.NotFoundException):
        api.get_by_id(made.id)
    assert api.get_by_id(made.id, archived=True).archived
    assert made.id not in truths.live(written, "contacts")
    assert made.id in truths.archived(written, "contacts")


def test_a_contact_is_found_by_its_address(client: Any) -> None:
    made = _contact(client, "Grace@Example.com")
    found = client.crm.contacts.basic_api.get_by_id("grace@example.com", id_property="email")
    assert found.id == made.id


def test_an_address_is_taken_once(client: Any) -> None:
    _contact(client, "twice@example.com")
    with pytest.raises(contacts.exceptions.ApiException) as caught:
        _contact(client, "twice@example.com")
    assert caught.value.status == 409
    assert '"category":"CONFLICT"' in caught.value.body.replace(" ", "")


def test_a_property_nobody_defined_is_refused(client: Any) -> None:
    with pytest.raises(contacts.exceptions.ApiException, match="PROPERTY_DOESNT_EXIST") as caught:
        _contact(client, "odd@example.com", no_such_property="1")
    assert caught.value.status == 400


def test_batches_create_update_and_archive(client: Any, written: Served) -> None:
    api = client.crm.objects.batch_api
    inputs = [
        objects.SimplePublicObjectBatchInputForCreate(properties={"hs_note_body": text}, associations=[])
        for text in ("one", "two", "three")
    ]
    made = api.create("notes", objects.BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))
    ids = {note.properties["hs_note_body"]: note.id for note in made.results}
    assert set(ids) == {"one", "two", "three"}
    assert set(ids.values()) <= set(truths.live(written, "notes"))
    change = objects.SimplePublicObjectBatchInput(id=ids["one"], properties={"hs_note_body": "uno"})
    done = api.update("notes", objects.BatchInputSimplePublicObjectBatchInput(inputs=[change]))
    assert [(note.id, note.properties["hs_note_body"]) for note in done.results] == [(ids["one"], "uno")]
    api.archive("notes", _ids([ids["one"], ids["two"]]))
    left = set(ids.values()) & set(truths.live(written, "notes"))
    assert left == {ids["three"]}
    assert {ids["one"], ids["two"]} <= set(truths.archived(written, "notes"))


def test_a_batch_updates_who_is_there_and_creates_who_is_not(client: Any, written: Served) -> None:
    there = _contact(client, "there@example.com")
    inputs = [
        objects.SimplePublicObjectBatchInputUpsert(
            id=email, id_property="email", properties={"firstname": "Up"}
        )
        for email in ("there@example.com", "new@example.com")
    ]
    done = client.crm.objects.batch_api.upsert(
        "contacts", objects.BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
    )
    assert {contact.id == there.id: contact.new for contact in done.results} == {True: False, False: True}
    assert {contact.id for contact in done.results} <= set(truths.live(written, "contacts"))
    assert {contact.properties["firstname"] for contact in done.results} == {"Up"}


def test_a_batch_with_an_id_twice_is_refused(client: Any, written: Served) -> None:
    id_ = truths.live(written, "companies")[0]
    twice = [objects.SimplePublicObjectBatchInput(id=id_, properties={"name": n}) for n in ("a", "b")]
    with pytest.raises(objects.exceptions.ApiException, match="Duplicate IDs found in batch input") as caught:
        client.crm.objects.batch_api.update(
            "companies", objects.BatchInputSimplePublicObjectBatchInput(inputs=twice)
        )
    assert caught.value.status == 400


def test_merged_contacts_live_on_as_one(client: Any, written: Served) -> None:
    kept, lost = _contact(client, "kept@example.com"), _contact(client, "lost@example.com")
    merged = client.crm.contacts.basic_api.merge(
        contacts.PublicMergeInput(primary_object_id=kept.id, object_id_to_merge=lost.id)
    )
    for old in (kept.id, lost.id):
        found = client.crm.contacts.basic_api.get_by_id(old, properties=["hs_merged_object_ids"])
        assert found.id == merged.id
        assert lost.id in found.properties["hs_merged_object_ids"].split(";")
    alive = truths.live(written, "contacts")
    assert merged.id in alive
    assert lost.id not in alive


def test_a_contact_deleted_for_privacy_is_nowhere(client: Any, written: Served) -> None:
    made = _contact(client, "private@example.com")
    client.crm.contacts.basic_api.purge(contacts.PublicGdprDeleteInput(object_id=made.id))
    for archived in (False, True):
        with pytest.raises(contacts.exceptions.NotFoundException):
            client.crm.contacts.basic_api.get_by_id(made.id, archived=archived)
    assert made.id not in truths.live(written, "contacts")
    assert made.id not in truths.archived(written, "contacts")


def test_associations_are_made_labelled_and_broken(client: Any, written: Served) -> None:
    contact, company = _contact(client, "linked@example.com").id, truths.live(written, "companies")[1]
    api = client.crm.associations.v4.basic_api
    api.create_default("contacts", contact, "companies", company)
    assert _kinds(client, contact, company) == {("HUBSPOT_DEFINED", 279)}
    primary = v4.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)
    api.create("contacts", contact, "companies", company, association_spec=[primary])
    assert _kinds(client, contact, company) == {("HUBSPOT_DEFINED", 279), ("HUBSPOT_DEFINED", 1)}
    told = truths.links(written, "contacts", "companies")[contact][company]
    assert {(category, type_id) for category, type_id, _ in told} == _kinds(client, contact, company)
    assert contact in truths.links(written, "companies", "contacts")[company]
    labelled = v4.PublicAssociationMultiPost(
        _from=v4.PublicObjectId(id=contact), to=v4.PublicObjectId(id=company), types=[primary]
    )
    client.crm.associations.v4.batch_api.archive_labels(
        "contacts", "companies", v4.BatchInputPublicAssociationMultiPost(inputs=[labelled])
    )
    assert _kinds(client, contact, company) == {("HUBSPOT_DEFINED", 279)}
    api.archive("contacts", contact, "companies", company)
    assert _kinds(client, contact, company) == set()


def test_a_note_is_created_with_what_it_is_about(client: Any, written: Served) -> None:
    contact = truths.live(written, "contacts")[0]
    about = objects.PublicAssociationsForObject(
        to=objects.PublicObjectId(id=contact),
        types=[objects.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=202)],
    )
    made = client.crm.objects.basic_api.create(
        "notes",
        objects.SimplePublicObjectInputForCreate(properties={"hs_note_body": "about"}, associations=[about]),
    )
    assert set(truths.links(written, "notes", "contacts")[made.id]) == {contact}


def _contact(client: Any, email: str, **properties: str) -> Any:
    asked = contacts.SimplePublicObjectInputForCreate(
        properties={"email": email, **properties}, associations=[]
    )
    return client.crm.contacts.basic_api.create(asked)


def _ids(ids: list[str]) -> Any:
    return objects.BatchInputSimplePublicObjectId(
        inputs=[objects.SimplePublicObjectId(id=id_) for id_ in ids]
    )


def _kinds(client: Any, contact: str, company: str) -> set[tuple[str, int]]:
    page = client.crm.associations.v4.basic_api.get_page("contacts", contact, "companies")
    return {
        (kind.category, kind.type_id)
        for target in page.results
        if str(target.to_object_id) == company
        for kind in target.association_types
    }
