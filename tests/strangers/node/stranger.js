// HubSpot's Node client does one job against a sandbox and tells as JSON what it found: node stranger.js JOB.
'use strict'

const { Client } = require('@hubspot/api-client')

const [, , job] = process.argv
const argument = JSON.parse(process.env.STRANGER_ARGUMENT || 'null')
const client = new Client({
  accessToken: process.env.STRANGER_TOKEN,
  basePath: process.env.STRANGER_URL,
  numberOfApiCallRetries: 3,
})
const crm = client.crm

const ids = (records) => records.map((record) => record.id)
const status = (promise) => promise.then(() => 200, (error) => error.code)

async function pages() {
  const found = []
  let after
  do {
    const page = await crm.contacts.basicApi.getPage(23, after, ['email'], undefined, ['companies'])
    for (const { id, associations } of page.results) {
      const links = associations ? associations.companies.results : []
      found.push({ id, companies: links.map((link) => link.id) })
    }
    after = page.paging && page.paging.next.after
  } while (after)
  return found
}

async function search(kind) {
  const page = await crm.objects.searchApi.doSearch('engagements', {
    filterGroups: [{ filters: [{ propertyName: 'hs_engagement_type', operator: 'EQ', value: kind }] }],
    limit: 200,
  })
  return { total: page.total, ids: ids(page.results) }
}

async function batch(asked) {
  const answer = await crm.companies.batchApi.read({
    inputs: asked.map((id) => ({ id })), properties: ['name'], propertiesWithHistory: [],
  })
  return { ids: ids(answer.results), missing: (answer.errors || []).flatMap((error) => error.context.ids) }
}

async function associations(asked) {
  const inputs = asked.map((id) => ({ id }))
  const answer = await crm.associations.v4.batchApi.getPage('calls', 'contacts', { inputs })
  return answer.results.map((result) => ({
    id: result._from.id,
    to: result.to.map((target) => ({
      id: String(target.toObjectId),
      kinds: target.associationTypes.map((kind) => [kind.category, kind.typeId, kind.label]),
    })),
  }))
}

async function about() {
  const [labels, properties, owners, pipelines] = await Promise.all([
    crm.associations.v4.schema.definitionsApi.getAll('contacts', 'companies'),
    crm.properties.coreApi.getAll('contacts'),
    crm.owners.ownersApi.getPage(undefined, undefined, 100),
    crm.pipelines.pipelinesApi.getAll('deals'),
  ])
  return {
    labels: labels.results.map((label) => [label.typeId, label.label]),
    properties: properties.results.map((property) => property.name),
    owners: ids(owners.results),
    stages: pipelines.results.flatMap((pipeline) => pipeline.stages.map((stage) => stage.id)),
  }
}

async function life(email) {
  const made = await crm.contacts.basicApi.create({ properties: { email }, associations: [] })
  await crm.contacts.basicApi.update(made.id, { properties: { firstname: 'Ada' } })
  const read = await crm.contacts.basicApi.getById(made.id, ['email', 'firstname'])
  await crm.contacts.basicApi.archive(made.id)
  return { id: made.id, read: read.properties, after: await status(crm.contacts.basicApi.getById(made.id)) }
}

// What fails for once; then all at once: more records than ten seconds allow, more searches than a second allows.
async function retry(records) {
  const first = await Promise.all([
    status(crm.owners.ownersApi.getPage()),
    status(crm.pipelines.pipelinesApi.getAll('deals')),
  ])
  const rest = await Promise.all([
    ...records.map(([type, id]) => status(crm.objects.basicApi.getById(type, id))),
    ...Array.from({ length: 7 }, () => status(crm.objects.searchApi.doSearch('notes', { limit: 1 }))),
  ])
  return [...first, ...rest]
}

const jobs = {
  contacts: async () => ids(await crm.contacts.getAll()),
  pages, search, batch, associations, about, life, retry,
}

jobs[job](argument).then(
  (found) => process.stdout.write(JSON.stringify(found)),
  (error) => {
    process.stderr.write(`${error.stack}\n`)
    process.exitCode = 1
  },
)
