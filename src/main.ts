process.stdout.write('pullwhy\n');
