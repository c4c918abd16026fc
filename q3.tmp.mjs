import { openDevice } from 'vfio-platform-wasm';
import { MemoryDevice, SimulatedHost } from 'vfio-platform-wasm/sim';
const Orig = WebAssembly.Instance; let inst, imports;
WebAssembly.Instance = new Proxy(Orig,{construct:(t,[m,i])=>{ imports=i; return inst=new t(m,i)}});
function b(name,f,N=5e6){ let best=1e9; for(let r=0;r<7;r++){const t=process.hrtime.bigint(); f(N); const d=Number(process.hrtime.bigint()-t)/N; best=Math.min(best,d);} console.log(name,best.toFixed(2)); }
for (const memory of [undefined,false]) {
const s=new SimulatedHost(); s.addDevice({name:'b',model:new MemoryDevice({regions:[{size:4096,...(memory===false?{memory,mappable:process.argv[2]!=='pread'}:{})}],lines:['edge']})});
const d=await openDevice(s,{host:'b',stallLimitMs:0},{clock:s.clock});
const {read}=inst.exports; 
b('raw read '+JSON.stringify(d.regions[0].mapped[0]?.byHost),N=>{let s=0;for(let i=0;i<N;i++){s+=read(0,4,4)}return s});
b('dev read',N=>{let s=0;for(let i=0;i<N;i++){s+=d.read(0,4,4)}return s});
}
const s=new SimulatedHost(); s.addDevice({name:'b',model:new MemoryDevice({regions:[{size:4096}],lines:['edge']})});
const d=await openDevice(s,{host:'b',stallLimitMs:0},{clock:s.clock});
const {read,directRead}=inst.exports;
b('directRead',N=>{let s=0;for(let i=0;i<N;i++){s+=directRead(0,4,4)}return s});
b('directRead w1',N=>{let s=0;for(let i=0;i<N;i++){s+=directRead(0,4,1)}return s});
b('directRead denied',N=>{let s=0;for(let i=0;i<N;i++){s+=directRead(0,4,3)}return s});
b('directRead oob',N=>{let s=0;for(let i=0;i<N;i++){s+=directRead(0,4096,4)}return s});
