import { EXIT_OK, runCli, wantsColour } from './cli';

const { stdout, stderr, env, argv } = process;

// `npm start | head` closes the pipe: nobody is interested in the rest.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_OK);
});

process.exitCode = await runCli(argv.slice(2), {
  out: (text) => stdout.write(text),
  error: (text) => stderr.write(text),
  colour: wantsColour(stdout.isTTY === true, env),
});
