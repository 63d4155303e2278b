import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface MavenArtifact {
  readonly groupId: string
  readonly artifactId: string
  readonly version: string
}

/** The folder, filled from Maven Central once in a clone: the artifact and all that it needs, half a minute. */
export function fetchJars(folder: string, { groupId, artifactId, version }: MavenArtifact): void {
  if (existsSync(folder)) return
  const project = mkdtempSync(join(tmpdir(), 'jars-'))
  const dependency =
    `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId>` +
    `<version>${version}</version></dependency>`
  writeFileSync(
    join(project, 'pom.xml'),
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId>' +
      `<artifactId>jars</artifactId><version>1</version><dependencies>${dependency}</dependencies></project>`,
  )
  const lib = join(project, 'lib')
  const goal = [
    'dependency:copy-dependencies',
    `-DoutputDirectory=${lib}`,
    '-DincludeScope=runtime',
  ]
  execFileSync('mvn', ['-q', '-B', ...goal], { cwd: project, stdio: 'pipe' })
  mkdirSync(dirname(folder), { recursive: true })
  const draft = `${folder}.${process.pid}`
  cpSync(lib, draft, { recursive: true })
  renameSync(draft, folder)
  rmSync(project, { recursive: true })
}
